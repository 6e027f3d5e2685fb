import type { Container, Pod } from "../../../kinds.ts";
import { expandVariables } from "../../environment/expansion.ts";

/** The variables of a container whose values are known from the pod alone: literal ones and those of its own fields. */
export function literalEnvironment(pod: Pod, container: Container): Record<string, string> {
  const env: Record<string, string> = { HOSTNAME: pod.spec.hostname ?? pod.metadata.name ?? "" };
  for (const { name, value, valueFrom } of container.env ?? []) {
    const { fieldPath } = (valueFrom?.["fieldRef"] ?? {}) as { fieldPath?: string };
    env[name] = fieldPath === undefined ? expandVariables(value ?? "", env) : fieldValue(pod, fieldPath);
  }
  return env;
}

function fieldValue(pod: Pod, path: string): string {
  const [, map, key = ""] = /^metadata\.(labels|annotations)\['([^']*)'\]$/.exec(path) ?? [];
  if (map !== undefined) return pod.metadata[map as "labels" | "annotations"]?.[key] ?? "";
  switch (path) {
    case "metadata.name":
      return pod.metadata.name ?? "";
    case "metadata.namespace":
      return pod.metadata.namespace ?? "";
    case "metadata.uid":
      return pod.metadata.uid ?? "";
    case "spec.nodeName":
      return pod.spec.nodeName ?? "";
    case "spec.serviceAccountName":
      return String(pod.spec["serviceAccountName" as keyof typeof pod.spec] ?? "");
    case "status.podIP":
      return pod.status?.podIP ?? "";
    case "status.hostIP":
      return pod.status?.hostIP ?? "";
    default:
      return "";
  }
}
