import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HttpListener, listen } from "../http.ts";
import { formatKubeconfig, writeKubeconfig } from "../kubeconfig.ts";
import { openPki, type Pki } from "../pki/pki.ts";
import { type ProcessNodes, processNodes } from "./process-nodes.ts";
import { openTestServer, type TestServer } from "./test-server.ts";

/** An API server on the network with a node whose containers are processes of this machine. */
export interface ProcessCluster {
  api: TestServer;
  nodes: ProcessNodes;
  pki: Pki;
  /** "https://127.0.0.1:PORT" */
  url: string;
  /** Path of an administrator's. */
  kubeconfig: string;
  listener: HttpListener;
  close(): Promise<void>;
}

/**
 * Has the running pod "p" with the containers "c", which runs, and "stopped", which does not, and a port; and "unplaced",
 * a pod without a node.
 *
 * @param main the words of the command that attach finds
 * @param port the pod's, on this machine's loopback address
 */
export async function openProcessCluster({
  main = ["cat"],
  port = 1,
}: {
  main?: string[];
  port?: number;
} = {}): Promise<ProcessCluster> {
  const nodes = processNodes(main);
  const api = await openTestServer({ nodes });
  const pki = await openPki({ now: Date.now() });
  const tls = { ...pki.server, clientCa: pki.ca.cert };
  const listener = await listen(api.server, { port: 0, host: "127.0.0.1", tls });
  const url = `https://127.0.0.1:${listener.port}`;
  const folder = await mkdtemp(join(tmpdir(), "podwright-streams-"));
  const kubeconfig = join(folder, "kubeconfig");
  await writeKubeconfig(kubeconfig, formatKubeconfig({ server: url, ca: pki.ca.cert, client: pki.admin }));
  const pods = "/api/v1/namespaces/default/pods";
  await api.send("POST", "/api/v1/nodes", { metadata: { name: "n" } });
  await api.send("POST", pods, {
    metadata: { name: "p", labels: { app: "p" } },
    spec: {
      nodeName: "n",
      containers: [
        { name: "c", image: "i", stdin: true, ports: [{ name: "web", containerPort: port }] },
        { name: "stopped", image: "i" },
      ],
    },
  });
  const status = { phase: "Running", podIP: "10.1.2.3", podIPs: [{ ip: "10.1.2.3" }] };
  const headers = { "content-type": "application/merge-patch+json" };
  await api.send("PATCH", `${pods}/p/status`, { status }, { headers });
  await api.send("POST", pods, { metadata: { name: "unplaced" }, spec: { containers: [{ name: "c", image: "i" }] } });
  return {
    api,
    nodes,
    pki,
    url,
    kubeconfig,
    listener,
    async close() {
      await listener.close();
      await api.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
