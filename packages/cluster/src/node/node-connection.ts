import type { ContainerRequest, NodeConnection } from "@podwright/apiserver";
import type { Clock } from "@podwright/client";
import { StatusError, status } from "@podwright/kube";
import type { Pod } from "../kinds.ts";
import { containerLogs } from "./container-logs.ts";
import type { NodeAgent } from "./node-agent.ts";
import type { PodWorker } from "./pod-worker.ts";

/** The way to the pods of agents in this process: what a kubelet serves (k8s.io/kubernetes/pkg/kubelet/kubelet_pods.go). */
export function nodeConnection(agentOf: (node: string) => NodeAgent | undefined, clock: Clock): NodeConnection {
  return {
    async containerLogs(node, request) {
      const agent = agentOf(node);
      return agent && containerLogs(agent.loggingPod(request.namespace, request.pod), request, clock.now());
    },
    async exec(node, request) {
      const missing = `container not found (${JSON.stringify(request.container)})`;
      const { worker, id } = running(agentOf(node), node, request, missing);
      return worker.runtime.exec(id, request.command, request);
    },
    async attach(node, request) {
      const missing = `container ${request.container} not found in pod ${request.pod}_${request.namespace}`;
      const { worker, id } = running(agentOf(node), node, request, missing);
      // Whether there is a terminal was decided when the container was made.
      const tty = hasTerminal(worker.pod, request.container);
      return worker.runtime.attach(id, { ...request, tty, stderr: request.stderr && !tty });
    },
    async dial(node, namespace, name, port) {
      const worker = workerOf(agentOf(node), node, namespace, name);
      return worker.runtime.dial(worker.pod, port);
    },
  };
}

function running(agent: NodeAgent | undefined, node: string, request: ContainerRequest, missing: string) {
  const worker = workerOf(agent, node, request.namespace, request.pod);
  const id = worker.runningContainer(request.container);
  if (id === undefined) throw absent(missing);
  return { worker, id };
}

function hasTerminal({ spec }: Pod, container: string): boolean {
  const all = [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])];
  return all.find(({ name }) => name === container)?.tty === true;
}

function workerOf(agent: NodeAgent | undefined, node: string, namespace: string, name: string): PodWorker {
  if (agent === undefined) throw status.internalError(`the node ${JSON.stringify(node)} cannot be reached`);
  const worker = agent.workerOf(namespace, name);
  if (worker === undefined) throw absent("pod does not exist");
  return worker;
}

/** A kubelet's own words, to which clients add theirs. */
function absent(message: string): StatusError {
  return new StatusError({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, code: 404 });
}
