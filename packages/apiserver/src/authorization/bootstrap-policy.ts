import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { formatTime, type KubeObject } from "@podwright/kube";
import type { Storage } from "../storage/storage.ts";
import { aggregatedRules } from "./aggregation.ts";
import type { PolicyRule } from "./policy-rule.ts";

const group = "rbac.authorization.k8s.io";

/** bootstrap-policy.json: what a real API server begins with (conformance/rbac/bootstrap-policy.real.test.ts writes it). */
export interface BootstrapPolicy {
  roles: BootstrapRole[];
  bindings: BootstrapBinding[];
}

export interface BootstrapRole {
  name: string;
  /** Absent: a ClusterRole. */
  namespace?: string;
  labels?: Record<string, string>;
  /** Labels of the roles it takes its rules from, all "true". */
  aggregates?: string[];
  rules?: PolicyRule[];
}

export interface BootstrapBinding {
  name: string;
  /** Absent: a ClusterRoleBinding. */
  namespace?: string;
  /** "ClusterRole/view" */
  role: string;
  subjects: { kind: string; name: string; namespace?: string }[];
}

/**
 * Puts the roles and bindings that every cluster has into the storage, those that are missing: all in one go and past
 * the API, for a start waits for them. What is there stays as it is.
 *
 * @param now milliseconds
 */
export async function putBootstrapPolicy(storage: Storage, now: number): Promise<void> {
  const policy: BootstrapPolicy = JSON.parse(
    await readFile(new URL("./bootstrap-policy.json", import.meta.url), "utf8"),
  );
  const present = new Set(storage.list({ prefix: `/${group}/` }).items.map(({ key }) => key));
  const isMissing = (kind: string, of: BootstrapRole | BootstrapBinding) => !present.has(keyOf(head(kind, of)));
  const roles = policy.roles.filter((role) => isMissing(role.namespace === undefined ? "ClusterRole" : "Role", role));
  const bindings = policy.bindings.filter((binding) =>
    isMissing(binding.namespace === undefined ? "ClusterRoleBinding" : "RoleBinding", binding),
  );
  // Most starts find everything there.
  if (roles.length + bindings.length === 0) return;
  const wanted = new Set(roles.map(({ namespace, name }) => `${namespace}/${name}`));
  const objects = [
    ...roleObjects(policy.roles).filter(({ metadata }) => wanted.has(`${metadata.namespace}/${metadata.name}`)),
    ...bindings.map(bindingObject),
  ];
  await Promise.all(objects.map((object) => put(storage, object, now)));
}

async function put(storage: Storage, object: KubeObject, now: number): Promise<void> {
  const { name, namespace, labels, annotations } = object.metadata;
  const uid = randomUUID();
  await storage.write(keyOf(object), (current) => {
    if (current !== undefined) return { type: "none" };
    return {
      type: "put",
      ...(labels && { labels }),
      encode(revision) {
        const metadata = {
          name,
          namespace,
          uid,
          resourceVersion: String(revision),
          creationTimestamp: formatTime(now),
          labels,
          annotations,
        };
        return Buffer.from(JSON.stringify({ ...object, metadata }));
      },
    };
  });
}

function keyOf({ kind, metadata: { namespace, name } }: KubeObject): string {
  return `/${group}/${kind.toLowerCase()}s/${namespace === undefined ? "" : `${namespace}/`}${name}`;
}

function roleObjects(roles: readonly BootstrapRole[]): KubeObject[] {
  const objects = roles.map((role) => ({
    ...head(role.namespace === undefined ? "ClusterRole" : "Role", role),
    rules: role.rules ?? [],
    ...(role.aggregates && {
      aggregationRule: {
        clusterRoleSelectors: role.aggregates.map((label) => ({ matchLabels: { [label]: "true" } })),
      },
    }),
  })) as KubeObject[];
  // As the controller leaves them, that it has nothing to do: admin has the rules of edit, which has those of view.
  const clusterRoles = objects.filter(({ kind }) => kind === "ClusterRole");
  for (const name of ["view", "edit", "admin"]) {
    const role = clusterRoles.find(({ metadata }) => metadata.name === name);
    if (role !== undefined) role["rules"] = aggregatedRules(role, clusterRoles) ?? role["rules"];
  }
  return objects;
}

function bindingObject({ role, subjects, ...binding }: BootstrapBinding): KubeObject {
  const slash = role.indexOf("/");
  return {
    ...head(binding.namespace === undefined ? "ClusterRoleBinding" : "RoleBinding", binding),
    subjects: subjects.map(({ kind, ...subject }) =>
      kind === "ServiceAccount" ? { kind, ...subject } : { kind, apiGroup: group, ...subject },
    ),
    roleRef: { apiGroup: group, kind: role.slice(0, slash), name: role.slice(slash + 1) },
  };
}

function head(
  kind: string,
  { name, namespace, labels }: Pick<BootstrapRole, "name" | "namespace" | "labels">,
): KubeObject {
  return {
    kind,
    apiVersion: `${group}/v1`,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      labels: { "kubernetes.io/bootstrapping": "rbac-defaults", ...labels },
      annotations: { "rbac.authorization.kubernetes.io/autoupdate": "true" },
    },
  };
}
