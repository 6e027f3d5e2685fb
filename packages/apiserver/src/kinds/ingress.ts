import { formatLabelSelector } from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import { validateIngress, validateNewIngress } from "./ingress-validation.ts";
import type { NativeKind, Struct } from "./kind.ts";

import { loadBalancerAddresses } from "./service.ts";

const shownHosts = 3;

export const ingress: NativeKind = {
  hasGeneration: true,
  validate: validateNewIngress,
  validateUpdate: (object) => validateIngress(object),
  table: {
    columns: [
      nameColumn,
      column("Class", "The class of the ingress."),
      column("Hosts", "Hosts of its rules."),
      column("Address", "Where it is reached."),
      column("Ports", "80, and 443 with TLS."),
      ageColumn,
    ],
    cells(object, nowMs) {
      const spec = object["spec"] ?? {};
      return [
        object.metadata.name ?? "",
        spec.ingressClassName ?? "<none>",
        hosts(spec.rules ?? []),
        loadBalancerAddresses(object["status"]?.loadBalancer).join(","),
        spec.tls?.length > 0 ? "80, 443" : "80",
        age(object, nowMs),
      ];
    },
  },
};

export const ingressClass: NativeKind = {
  defaults: {
    "io.k8s.api.networking.v1.IngressClassParametersReference": (reference) => {
      reference["scope"] ??= "Cluster";
    },
  },
  hasGeneration: true,
  table: {
    columns: [
      nameColumn,
      column("Controller", "Who serves ingresses of the class."),
      column("Parameters", "An object with more settings."),
      ageColumn,
    ],
    cells(object, nowMs) {
      const { controller = "", parameters } = object["spec"] ?? {};
      const group = parameters?.apiGroup === undefined ? "" : `.${parameters.apiGroup}`;
      return [
        object.metadata.name ?? "",
        controller,
        parameters === undefined ? "<none>" : `${parameters.kind}${group}/${parameters.name}`,
        age(object, nowMs),
      ];
    },
  },
};

export const networkPolicy: NativeKind = {
  defaults: {
    "io.k8s.api.networking.v1.NetworkPolicyPort": (port) => {
      port["protocol"] ??= "TCP";
    },
    "io.k8s.api.networking.v1.NetworkPolicy": ({ spec }) => {
      if (spec.policyTypes?.length > 0) return;
      spec.policyTypes = spec.egress?.length > 0 ? ["Ingress", "Egress"] : ["Ingress"];
    },
  },
  hasGeneration: true,
  table: {
    columns: [nameColumn, column("Pod-Selector", "Selects the pods it is for."), ageColumn],
    cells: (object, nowMs) => [
      object.metadata.name ?? "",
      formatLabelSelector(object["spec"]?.podSelector),
      age(object, nowMs),
    ],
  },
};

export const serviceCidr: NativeKind = {
  table: {
    columns: [nameColumn, column("CIDRs", "The addresses services get theirs from."), ageColumn],
    cells: (object, nowMs) => [object.metadata.name ?? "", (object["spec"]?.cidrs ?? []).join(","), age(object, nowMs)],
  },
};

export const ipAddress: NativeKind = {
  table: {
    columns: [nameColumn, column("ParentRef", "What has the address.")],
    cells(object, nowMs) {
      const { parentRef } = object["spec"] ?? {};
      const resource = parentRef?.group ? `${parentRef.resource}.${parentRef.group}` : parentRef?.resource;
      const parent = [resource?.toLowerCase(), parentRef?.namespace, parentRef?.name].filter(Boolean).join("/");
      // Upstream's rows have one cell more than there are columns.
      return [object.metadata.name ?? "", parent || "<none>", age(object, nowMs)];
    },
  },
};

function hosts(rules: Struct[]): string {
  const names = rules.slice(0, shownHosts).flatMap(({ host }) => (host ? [host] : []));
  if (names.length === 0) return "*";
  const more = rules.length > shownHosts ? ` + ${rules.length - shownHosts} more...` : "";
  return names.join(",") + more;
}
