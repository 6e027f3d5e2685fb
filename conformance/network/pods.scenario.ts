/** Services, names and policies between real pods. */
import { networkPolicies, pods, services } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { run } from "../kubectl.ts";
import { type NodeLane, nodeLaneMissing, openNodeLane } from "../node-lane.ts";

const patience = { timeout: 60_000, interval: 200 };
const why = nodeLaneMissing === undefined ? "" : ` (${nodeLaneMissing})`;

describe.skipIf(nodeLaneMissing !== undefined)(`The network of pods${why}`, { timeout: 120_000 }, () => {
  let lane: NodeLane;
  let namespace: string;

  beforeAll(async () => {
    lane = await openNodeLane();
    namespace = await lane.namespace("network");
    await Promise.all([makePod("web"), makePod("client"), makePod("db", { hostname: "db-0", subdomain: "db" })]);
    await Promise.all(["web", "client", "db"].map((name) => isReady(name)));
  }, 180_000);
  afterAll(() => lane?.close());

  const container = { name: "c", image: "busybox:1.36", imagePullPolicy: "IfNotPresent" };

  function makePod(name: string, spec: object = {}): Promise<KubeObject> {
    const serve = "mkdir /www && hostname > /www/index.html && exec httpd -f -p 8080 -h /www";
    return lane.client.resource(pods).create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace, labels: { app: name } },
      spec: {
        nodeName: lane.node,
        terminationGracePeriodSeconds: 0,
        containers: [{ ...container, command: ["sh", "-c", serve] }],
        ...spec,
      },
    } as KubeObject);
  }

  function makeService(name: string, spec: object): Promise<KubeObject> {
    return lane.client.resource(services).create({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace },
      spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }], ...spec },
    } as KubeObject);
  }

  const statusOf = async (name: string) => (await lane.client.resource(pods).get(name, namespace))["status"];
  const isReady = (name: string) =>
    vi.waitFor(async () => {
      const ready = expect.objectContaining({ type: "Ready", status: "True" });
      expect(await statusOf(name)).toMatchObject({ conditions: expect.arrayContaining([ready]) });
    }, patience);

  /** What a command in the pod prints, whatever it ends with. */
  async function inPod(name: string, command: string): Promise<string> {
    const ran = await lane.kubectl(["-n", namespace, "exec", name, "--", "sh", "-c", `${command} 2>&1 || true`]);
    return ran.stdout + ran.stderr;
  }

  // Not wget: that of a static busybox crashes.
  const answers = (pod: string, ip: string, port: number, expected: string) =>
    vi.waitFor(async () => {
      const said = await inPod(pod, `printf "GET / HTTP/1.0\\r\\n\\r\\n" | nc -w 1 ${ip} ${port}`);
      expect(said.trim().split("\n").at(-1)).toContain(expected);
    }, patience);
  /** From the machine itself. */
  const fetched = async (address: string) => (await run("curl", ["-s", "-m", "5", `http://${address}`])).stdout;
  const nameOf = (service: string) => `${service}.${namespace}.svc.cluster.local`;

  test("An init container waits until its Service exists, then the pod goes on", async () => {
    const wait = `until nslookup ${nameOf("myservice")}; do sleep 0.2; done`;
    await makePod("waiting", { initContainers: [{ ...container, name: "init", command: ["sh", "-c", wait] }] });
    const init = { state: { running: expect.anything() } };
    await vi.waitFor(async () => {
      expect(await statusOf("waiting")).toMatchObject({ phase: "Pending", initContainerStatuses: [init] });
    }, patience);
    expect((await lane.kubectl(["-n", namespace, "get", "pod", "waiting", "--no-headers"])).stdout).toContain(
      "Init:0/1",
    );
    await makeService("myservice", { selector: { app: "web" } });
    await isReady("waiting");
  });

  test("Pods and the machine reach a Service by its address, and the machine by the node port", async () => {
    const { spec } = await makeService("web", { type: "NodePort" });
    await answers("client", spec.clusterIP, 80, "web");
    await answers("web", spec.clusterIP, 80, "web");
    const { nodePort } = spec.ports[0];
    for (const address of [spec.clusterIP, `127.0.0.1:${nodePort}`]) {
      await vi.waitFor(async () => expect(await fetched(address)).toBe("web\n"), patience);
    }
  });

  test("Names are those of Services, pods of headless ones by their host names", async () => {
    const { podIP } = await statusOf("db");
    await makeService("db", { clusterIP: "None" });
    await vi.waitFor(async () => {
      expect(await inPod("client", `nslookup db-0.${nameOf("db")}`)).toContain(`Address: ${podIP}\n`);
    }, patience);
    expect(await inPod("client", "nslookup kubernetes.default.svc.cluster.local")).toContain("Address: 10.96.0.1\n");
    expect(await inPod("client", `nslookup ${nameOf("nobody")}`)).toContain("NXDOMAIN");
    expect(await inPod("client", `nslookup ${podIP}`)).toContain(`name = db-0.${nameOf("db")}`);
    const search = [`${namespace}.svc.cluster.local`, "svc.cluster.local", "cluster.local"].join(" ");
    expect(await inPod("client", "cat /etc/resolv.conf")).toBe(
      `search ${search}\nnameserver 10.96.0.10\noptions ndots:5\n`,
    );
  });

  test("A policy keeps others out, and lets in whom it names", async () => {
    const { podIP } = await statusOf("db");
    await answers("client", podIP, 8080, "db");
    await lane.client.resource(networkPolicies).create({
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "db", namespace },
      spec: {
        podSelector: { matchLabels: { app: "db" } },
        ingress: [{ from: [{ podSelector: { matchLabels: { app: "web" } } }] }],
      },
    } as KubeObject);
    await answers("client", podIP, 8080, "timed out");
    await answers("web", podIP, 8080, "db");
    expect(await fetched(`${podIP}:8080`)).toBe("db-0\n");
    await lane.client.resource(networkPolicies).delete("db", namespace);
    await answers("client", podIP, 8080, "db");
  });
});
