import type { KubeObject } from "@podwright/kube";
import { age, ageColumn, column, nameColumn, wideColumn } from "../resources/columns.ts";
import type { NativeKind, Struct } from "./kind.ts";
import { dns1035LabelName } from "./names.ts";
import { formatLabels } from "./selector-text.ts";
import { normalizeClusterIps, serviceUpdate } from "./service-update.ts";
import { validateService, validateServiceUpdate } from "./service-validation.ts";

export const service: NativeKind = {
  defaults: {
    "io.k8s.api.core.v1.ServiceSpec": (spec) => {
      spec["sessionAffinity"] ||= "None";
      if (spec["sessionAffinity"] === "None") delete spec["sessionAffinityConfig"];
      if (
        spec["sessionAffinity"] === "ClientIP" &&
        spec["sessionAffinityConfig"]?.clientIP?.timeoutSeconds === undefined
      ) {
        spec["sessionAffinityConfig"] = { clientIP: { timeoutSeconds: 3 * 60 * 60 } };
      }
      spec["type"] ||= "ClusterIP";
      for (const port of spec["ports"] ?? []) {
        port.protocol ||= "TCP";
        if (!port.targetPort) port.targetPort = port.port;
      }
      const loadBalancer = spec["type"] === "LoadBalancer";
      const external = loadBalancer || spec["type"] === "NodePort";
      if (external || (spec["type"] === "ClusterIP" && spec["externalIPs"]?.length > 0)) {
        spec["externalTrafficPolicy"] ||= "Cluster";
      }
      if (external || spec["type"] === "ClusterIP") spec["internalTrafficPolicy"] ??= "Cluster";
      if (loadBalancer) spec["allocateLoadBalancerNodePorts"] ??= true;
    },
    "io.k8s.api.core.v1.Service": ({ spec, status }) => {
      if (spec?.type !== "LoadBalancer") return;
      for (const ingress of status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= "VIP";
    },
  },
  prepareForCreate: (object) => normalizeClusterIps(object, undefined),
  prepareForUpdate: serviceUpdate,
  validateName: dns1035LabelName,
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  allowCreateOnUpdate: true,
  returnsDeletedObject: true,
  selectableFields: {
    "spec.clusterIP": (object) => object["spec"]?.clusterIP,
    "spec.type": (object) => object["spec"]?.type,
  },
  table: {
    columns: [
      nameColumn,
      column("Type", "How the service is reached."),
      column("Cluster-IP", "Its address in the cluster."),
      column("External-IP", "Its addresses outside."),
      column("Port(s)", "Its ports."),
      ageColumn,
      wideColumn("Selector", "Selects the pods behind it."),
    ],
    cells(object, nowMs) {
      const spec = object["spec"] ?? {};
      return [
        object.metadata.name ?? "",
        spec.type ?? "",
        spec.clusterIPs?.[0] ?? "<none>",
        externalIp(object),
        ports(spec.ports ?? []) || "<none>",
        age(object, nowMs),
        formatLabels(spec.selector),
      ];
    },
  },
};

function externalIp(object: KubeObject): string {
  const spec: Struct = object["spec"] ?? {};
  const own: string[] = spec["externalIPs"] ?? [];
  switch (spec["type"]) {
    case "ClusterIP":
    case "NodePort":
      return own.join(",") || "<none>";
    case "LoadBalancer": {
      const addresses = loadBalancerAddresses(object["status"]?.loadBalancer);
      return [...addresses, ...own].join(",") || "<pending>";
    }
    case "ExternalName":
      return spec["externalName"] ?? "";
    default:
      return "<unknown>";
  }
}

/** Addresses or host names of a load balancer's status, each once, sorted. */
export function loadBalancerAddresses(status: Struct | undefined): string[] {
  const addresses = new Set<string>();
  for (const ingress of status?.["ingress"] ?? []) {
    const address = ingress.ip || ingress.hostname;
    if (address) addresses.add(address);
  }
  return [...addresses].sort();
}

function ports(servicePorts: Struct[]): string {
  return servicePorts
    .map(({ port, nodePort, protocol }) => `${port}${nodePort > 0 ? `:${nodePort}` : ""}/${protocol}`)
    .join(",");
}
