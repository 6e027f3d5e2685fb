import type { BootstrapBinding, BootstrapPolicy, BootstrapRole } from "@podwright/apiserver";
import { type Client, clusterRoleBindings, clusterRoles, roleBindings, roles } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";

const bootstrapping = "kubernetes.io/bootstrapping";

/** The roles and bindings that a cluster began with, as bootstrap-policy.json has them. */
export async function compactPolicy(client: Client): Promise<BootstrapPolicy> {
  const list = async (...refs: (typeof roles)[]) => {
    const lists = await Promise.all(
      refs.map((ref) => client.resource(ref).list({ labelSelector: `${bootstrapping}=rbac-defaults` })),
    );
    const id = ({ metadata }: KubeObject) => `${metadata.namespace ?? ""}/${metadata.name}`;
    return lists.flatMap(({ items }) => items).sort((a, b) => (id(a) < id(b) ? -1 : 1));
  };
  return {
    roles: (await list(clusterRoles, roles)).map(compactRole),
    bindings: (await list(clusterRoleBindings, roleBindings)).map(compactBinding),
  };
}

function compactRole(role: KubeObject): BootstrapRole {
  const { [bootstrapping]: _bootstrapping, ...labels } = role.metadata.labels ?? {};
  const selectors: { matchLabels: Record<string, string> }[] | undefined =
    role["aggregationRule"]?.clusterRoleSelectors;
  return {
    ...place(role),
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(selectors && { aggregates: selectors.flatMap(({ matchLabels }) => Object.keys(matchLabels)) }),
    ...(!selectors && role["rules"] && { rules: role["rules"] }),
  };
}

function compactBinding(binding: KubeObject): BootstrapBinding {
  const subjects: { kind: string; name: string; namespace?: string }[] = binding["subjects"] ?? [];
  return {
    ...place(binding),
    role: `${binding["roleRef"].kind}/${binding["roleRef"].name}`,
    subjects: subjects.map(({ kind, name, namespace }) => ({ kind, name, ...(namespace && { namespace }) })),
  };
}

function place({ metadata }: KubeObject): { name: string; namespace?: string } {
  return { name: metadata.name ?? "", ...(metadata.namespace && { namespace: metadata.namespace }) };
}
