import type { KubeObject } from "@podwright/kube";
import type { LabelSelectorObject } from "../../kinds.ts";

/** The fields of a NetworkPolicy that are enforced. */
export interface NetworkPolicy extends KubeObject {
  spec: {
    podSelector?: LabelSelectorObject;
    policyTypes?: string[];
    ingress?: { from?: PolicyPeer[]; ports?: PolicyPort[] }[];
    egress?: { to?: PolicyPeer[]; ports?: PolicyPort[] }[];
  };
}

export interface PolicyPeer {
  podSelector?: LabelSelectorObject;
  namespaceSelector?: LabelSelectorObject;
  ipBlock?: { cidr: string; except?: string[] };
}

export interface PolicyPort {
  protocol?: string;
  port?: number | string;
  endPort?: number;
}

/** A pod as policies see it. */
export interface PolicyPod {
  namespace: string;
  ip: string;
  labels: Readonly<Record<string, string>>;
  ports: readonly { name: string; port: number; protocol: string }[];
}

/** What policies are about. */
export interface PolicyState {
  policies: readonly NetworkPolicy[];
  /** All that have an address of their own, the DNS server among them. */
  pods: readonly PolicyPod[];
  namespaceLabels: ReadonlyMap<string, Readonly<Record<string, string>>>;
}
