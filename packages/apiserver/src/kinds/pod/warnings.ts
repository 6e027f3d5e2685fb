import { isDns1123Label, type KubeObject } from "@podwright/kube";
import type { Struct } from "../kind.ts";

/** What is allowed in a new pod but hardly meant (k8s.io/kubernetes/pkg/api/pod/warnings.go). */
export function podWarnings(pod: KubeObject): string[] {
  const messages = isDns1123Label(pod.metadata.name ?? "");
  const name =
    "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended";
  return [
    ...(messages.length > 0 ? [`${name}: [${messages.join(" ")}]`] : []),
    ...podSpecWarnings("spec", pod["spec"] ?? {}),
  ];
}

/** The same of a pod spec in a template. */
function podSpecWarnings(path: string, spec: Struct): string[] {
  const warnings: string[] = [];
  for (const field of ["initContainers", "containers"]) {
    for (const [index, container] of ((spec[field] ?? []) as Struct[]).entries()) {
      containerWarnings(warnings, `${path}.${field}[${index}]`, container);
    }
  }
  return warnings;
}

function containerWarnings(warnings: string[], path: string, container: Struct): void {
  const names = new Map<string, number>();
  for (const [index, { name = "" }] of ((container["env"] ?? []) as Struct[]).entries()) {
    const first = names.get(name);
    if (first !== undefined) {
      warnings.push(
        `${path}.env[${index}]: hides previous definition of "${name}", which may be dropped when using apply`,
      );
    } else names.set(name, index);
  }
  const ports = new Map<string, number>();
  for (const [index, { containerPort, protocol = "TCP", hostIP = "" }] of (
    (container["ports"] ?? []) as Struct[]
  ).entries()) {
    const key = `${containerPort}/${protocol}/${hostIP}`;
    const first = ports.get(key);
    if (first !== undefined) {
      warnings.push(`${path}.ports[${index}]: duplicate port definition with ${path}.ports[${first}]`);
    } else ports.set(key, index);
  }
  for (const kind of ["requests", "limits"]) {
    for (const resource of ["memory", "ephemeral-storage"]) {
      const amount: string | undefined = container["resources"]?.[kind]?.[resource];
      if (amount?.endsWith("m")) {
        warnings.push(
          `${path}.resources.${kind}[${resource}]: fractional byte value "${amount}" is invalid, must be an integer`,
        );
      }
    }
  }
}
