import type { KubeObject } from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import type { NativeKind, Struct } from "./kind.ts";

const shown = 3;

export const endpoints: NativeKind = {
  defaults: {
    "io.k8s.api.core.v1.EndpointPort": (port) => {
      port["protocol"] ||= "TCP";
    },
  },
  allowCreateOnUpdate: true,
  table: {
    columns: [nameColumn, column("Endpoints", "Addresses and ports."), ageColumn],
    cells: (object, nowMs) => [object.metadata.name ?? "", formatEndpoints(object), age(object, nowMs)],
  },
};

export const endpointSlice: NativeKind = {
  defaults: {
    "io.k8s.api.discovery.v1.EndpointPort": (port) => {
      port["name"] ??= "";
      port["protocol"] ??= "TCP";
    },
  },
  hasGeneration: true,
  table: {
    columns: [
      nameColumn,
      column("AddressType", "The type of the addresses."),
      column("Ports", "Ports of all the endpoints."),
      column("Endpoints", "Addresses."),
      ageColumn,
    ],
    cells(object, nowMs) {
      const ports: Struct[] = object["ports"] ?? [];
      const endpoints: Struct[] = object["endpoints"] ?? [];
      return [
        object.metadata.name ?? "",
        object["addressType"] ?? "",
        withMore(ports.map((port) => String(port["port"] ?? port["name"] ?? "*"))) || "<unset>",
        withMore(endpoints.flatMap((endpoint) => endpoint["addresses"] ?? [])) || "<unset>",
        age(object, nowMs),
      ];
    },
  },
};

function formatEndpoints(object: KubeObject): string {
  const subsets: Struct[] = object["subsets"] ?? [];
  if (subsets.length === 0) return "<none>";
  const addresses: string[] = [];
  for (const subset of subsets) {
    const ips: string[] = (subset["addresses"] ?? []).map(({ ip }: Struct) => ip);
    const ports: Struct[] = subset["ports"] ?? [];
    if (ports.length === 0) addresses.push(...ips);
    for (const { port } of ports) addresses.push(...ips.map((ip) => `${ip.includes(":") ? `[${ip}]` : ip}:${port}`));
  }
  return withMore(addresses);
}

function withMore(items: string[]): string {
  const list = items.slice(0, shown).join(",");
  return items.length > shown ? `${list} + ${items.length - shown} more...` : list;
}
