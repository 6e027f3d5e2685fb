/** The variables by which containers know Services (k8s.io/kubernetes/pkg/kubelet/envvars/envvars.go). */
import { isIPv6 } from "node:net";
import type { Service } from "../../kinds.ts";

/**
 * Of the Services of the pod's namespace, if it wants to know them, and always of default/kubernetes.
 *
 * @param services all of the cluster
 */
export function serviceVariables(
  services: Iterable<Service>,
  namespace: string,
  enableServiceLinks: boolean,
): Record<string, string> {
  const chosen = new Map<string, Service>();
  for (const service of services) {
    const { name = "", namespace: ofService } = service.metadata;
    if (!hasAddress(service)) continue;
    if (ofService === "default" && name === "kubernetes") {
      if (!chosen.has(name)) chosen.set(name, service);
    } else if (ofService === namespace && enableServiceLinks) chosen.set(name, service);
  }
  const variables: Record<string, string> = {};
  for (const name of [...chosen.keys()].sort()) Object.assign(variables, variablesOf(chosen.get(name) as Service));
  return variables;
}

function hasAddress({ spec }: Service): boolean {
  return spec.clusterIP !== undefined && spec.clusterIP !== "" && spec.clusterIP !== "None";
}

function variablesOf({ metadata, spec }: Service): Record<string, string> {
  const prefix = variableName(metadata.name ?? "");
  const address = spec.clusterIP ?? "";
  const ports = spec.ports ?? [];
  const variables: Record<string, string> = { [`${prefix}_SERVICE_HOST`]: address };
  if (ports[0] !== undefined) variables[`${prefix}_SERVICE_PORT`] = String(ports[0].port);
  for (const { name, port } of ports) {
    if (name) variables[`${prefix}_SERVICE_PORT_${variableName(name)}`] = String(port);
  }
  ports.forEach(({ port, protocol = "TCP" }, index) => {
    const url = `${protocol.toLowerCase()}://${isIPv6(address) ? `[${address}]` : address}:${port}`;
    const ofPort = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
    if (index === 0) variables[`${prefix}_PORT`] = url;
    variables[ofPort] = url;
    variables[`${ofPort}_PROTO`] = protocol.toLowerCase();
    variables[`${ofPort}_PORT`] = String(port);
    variables[`${ofPort}_ADDR`] = address;
  });
  return variables;
}

function variableName(name: string): string {
  return name.replaceAll("-", "_").toUpperCase();
}
