import type { KubeObject } from "@podwright/kube";
import { age, ageColumn, column, nameColumn, wideColumn } from "../resources/columns.ts";
import type { NativeKind, Struct } from "./kind.ts";

export const node: NativeKind = {
  defaults: {
    "io.k8s.api.core.v1.NodeSpec": (spec) => {
      // podCIDR is the first of podCIDRs.
      if (spec["podCIDR"] && !spec["podCIDRs"]?.length) spec["podCIDRs"] = [spec["podCIDR"]];
      else if (spec["podCIDRs"]?.length && !spec["podCIDR"]) spec["podCIDR"] = spec["podCIDRs"][0];
    },
    "io.k8s.api.core.v1.NodeStatus": (status) => {
      if (status["allocatable"] === undefined && status["capacity"] !== undefined) {
        status["allocatable"] = { ...status["capacity"] };
      }
    },
  },
  keepsStatusOnCreate: true,
  prepareForCreate(object) {
    delete object["spec"]?.configSource;
    delete object["status"]?.config;
  },
  selectableFields: { "spec.unschedulable": (object) => object["spec"]?.unschedulable ?? false },
  table: {
    columns: [
      nameColumn,
      column("Status", "Whether the node is ready, and whether pods may be put on it."),
      column("Roles", "The node's roles, from its labels."),
      ageColumn,
      column("Version", "The version of the node agent."),
      wideColumn("Internal-IP", "The node's internal address."),
      wideColumn("External-IP", "The node's external address."),
      wideColumn("OS-Image", "The node's operating system."),
      wideColumn("Kernel-Version", "The node's kernel."),
      wideColumn("Container-Runtime", "What runs the containers."),
    ],
    cells(object, nowMs) {
      const info = object["status"]?.nodeInfo ?? {};
      return [
        object.metadata.name ?? "",
        nodeStatus(object),
        roles(object) || "<none>",
        age(object, nowMs),
        info.kubeletVersion ?? "",
        address(object, "InternalIP"),
        address(object, "ExternalIP"),
        info.osImage || "<unknown>",
        info.kernelVersion || "<unknown>",
        info.containerRuntimeVersion || "<unknown>",
      ];
    },
  },
};

function nodeStatus(object: KubeObject): string {
  const conditions: Struct[] = object["status"]?.conditions ?? [];
  const ready = conditions.findLast((condition) => condition["type"] === "Ready");
  const status = ready === undefined ? "Unknown" : ready["status"] === "True" ? "Ready" : "NotReady";
  return object["spec"]?.unschedulable ? `${status},SchedulingDisabled` : status;
}

function roles(object: KubeObject): string {
  const prefix = "node-role.kubernetes.io/";
  const names = new Set<string>();
  for (const [label, value] of Object.entries(object.metadata.labels ?? {})) {
    if (label.startsWith(prefix)) names.add(label.slice(prefix.length));
    else if (label === "kubernetes.io/role") names.add(value);
  }
  names.delete("");
  return [...names].sort().join(",");
}

function address(object: KubeObject, type: string): string {
  const addresses: Struct[] = object["status"]?.addresses ?? [];
  return addresses.find((candidate) => candidate["type"] === type)?.["address"] ?? "<none>";
}
