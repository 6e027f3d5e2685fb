import type { KubeObject } from "@podwright/kube";
import { type FieldError, fieldError } from "@podwright/kube";
import { age, ageColumn, column, nameColumn, wideColumn } from "../resources/columns.ts";
import { equalJson } from "../resources/equal.ts";
import { type Errors, each } from "./field-checks.ts";
import type { NativeKind, Struct } from "./kind.ts";
import { resourceAmount } from "./pod/resources-validation.ts";
import { taints } from "./pod/scheduling-validation.ts";

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
  validate: validateNode,
  validateUpdate(object, old) {
    const errors = validateNode(object);
    const before: string[] = old["spec"]?.podCIDRs ?? [];
    if (before.length > 0 && !equalJson(before, object["spec"]?.podCIDRs)) {
      const detail = 'node updates may not change podCIDR except from "" to valid';
      errors.push(fieldError.forbidden("spec.podCIDRs", detail));
    }
    const provider = old["spec"]?.providerID;
    if (provider && provider !== object["spec"]?.providerID) {
      const detail = 'node updates may not change providerID except from "" to valid';
      errors.push(fieldError.forbidden("spec.providerID", detail));
    }
    return errors;
  },
  validateStatusUpdate: (object) => validateNode(object),
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

function validateNode(object: KubeObject): FieldError[] {
  const errors: Errors = [];
  // Upstream blames metadata for them.
  taints(errors, "metadata.taints", object["spec"]?.taints);
  for (const field of ["capacity", "allocatable"]) {
    for (const [name, quantity] of Object.entries<string>(object["status"]?.[field] ?? {})) {
      resourceAmount(errors, `status.${field}.${name}`, name, quantity);
    }
  }
  const seen = new Set<string>();
  each(object["status"]?.addresses, "status.addresses", (address: Struct, at) => {
    const key = `${address["type"]}/${address["address"]}`;
    if (seen.has(key)) errors.push(fieldError.duplicate(at, address));
    seen.add(key);
  });
  return errors;
}
