import { type KubeObject, status } from "@podwright/kube";

/**
 * The container that is asked for; the pod's only one when none is. Throws 400
 * (k8s.io/kubernetes/pkg/registry/core/pod/strategy.go, validateContainer).
 */
export function containerName(pod: KubeObject, asked: string): string {
  const {
    containers = [],
    initContainers = [],
    ephemeralContainers = [],
  } = pod["spec"] as Record<string, { name: string }[]>;
  const names = [...initContainers, ...containers, ...ephemeralContainers].map(({ name }) => name);
  const podName = pod.metadata.name;
  if (asked !== "") {
    if (names.includes(asked)) return asked;
    throw status.badRequest(`container ${asked} is not valid for pod ${podName}`);
  }
  if (containers.length === 1) return containers[0]?.name ?? "";
  const choice = `a container name must be specified for pod ${podName}, choose one of: [${names.join(" ")}]`;
  throw status.badRequest(choice);
}
