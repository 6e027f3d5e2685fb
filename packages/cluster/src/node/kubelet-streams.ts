/** The requests of API servers to a kubelet that become streams: /exec, /attach, /portForward. */
import type { NodeConnection } from "@podwright/apiserver";
import { isCode } from "@podwright/kube";
import {
  type ExecSession,
  type ExecSessionOptions,
  refuseUpgrade,
  StreamRefusal,
  servePortForward,
  serveRemoteCommand,
  type Upgrade,
} from "@podwright/streaming";

export interface KubeletStreams {
  connection: NodeConnection;
  nodeOf(namespace: string, pod: string): string | undefined;
}

/** Paths are /exec/NAMESPACE/POD/CONTAINER and /exec/NAMESPACE/POD/UID/CONTAINER; of portForward without the container. */
export async function serveKubeletStream(upgrade: Upgrade, { connection, nodeOf }: KubeletStreams): Promise<void> {
  const url = new URL(upgrade.request.url ?? "/", "https://kubelet");
  const [, route, namespace = "", pod = "", ...rest] = url.pathname.split("/").map(decodeURIComponent);
  const node = nodeOf(namespace, pod);
  if (node === undefined) {
    refuseUpgrade(upgrade.socket, 404, "pod does not exist");
    return;
  }
  if (route === "portForward") {
    const ports = url.searchParams.getAll("port");
    const dial = (port: number) => connection.dial(node, namespace, pod, port);
    return servePortForward(upgrade, { pod, ports, dial });
  }
  const container = rest.at(-1);
  if ((route !== "exec" && route !== "attach") || container === undefined) {
    refuseUpgrade(upgrade.socket, 404, "404 page not found\n");
    return;
  }
  const options = streamsOf(url.searchParams);
  const command = url.searchParams.getAll("command");
  const request = { ...options, namespace, pod, container };
  const open = async (): Promise<ExecSession> => {
    if (!options.stdin && !options.stdout && !options.stderr) {
      throw new StreamRefusal(400, "you must specify at least 1 of stdin, stdout, stderr");
    }
    try {
      return await (route === "exec"
        ? connection.exec(node, { ...request, command })
        : connection.attach(node, request));
    } catch (error) {
      // Kubelets answer so where there is no such container.
      if (isCode(error, 404)) throw new StreamRefusal(500, error.message);
      throw error;
    }
  };
  const doing = route === "exec" ? "executing command in" : "attaching to";
  return serveRemoteCommand(upgrade, { ...options, doing, command }, open);
}

/** With a terminal there is one output. */
function streamsOf(query: URLSearchParams): ExecSessionOptions {
  const has = (name: string): boolean => query.get(name) === "1";
  const tty = has("tty");
  return { stdin: has("input"), stdout: has("output"), stderr: has("error") && !tty, tty };
}
