import { type KubeObject, type StatusError, status } from "@podwright/kube";
import type { UserInfo } from "../request.ts";
import type { Storage } from "../storage/storage.ts";
import type { PolicyRule } from "./policy-rule.ts";

const prefix = "/rbac.authorization.k8s.io/";

export interface RoleRef {
  apiGroup: string;
  kind: string;
  name: string;
}

interface Subject {
  kind: string;
  name: string;
  namespace?: string;
}

/** A RoleBinding, or a ClusterRoleBinding (namespace ""). */
export interface Binding {
  name: string;
  namespace: string;
  roleRef: RoleRef;
  subjects: readonly Subject[];
}

/** Bindings of a namespace, or of the cluster, by whom they are for: "User NAME", "Group NAME". */
type BySubject = Map<string, Set<Binding>>;

/** Told of a rule and where it comes from, or of a role that cannot be had. True: that is enough. */
export type RuleVisitor = (rule: PolicyRule | undefined, binding: Binding, error?: StatusError) => boolean;

/**
 * Roles and bindings as they are in the storage, bindings indexed by their subjects: looking at what a user may do reads
 * nothing from the storage (k8s.io/kubernetes/pkg/registry/rbac/validation/rule.go, DefaultRuleResolver).
 */
export class RbacPolicy {
  readonly #roles = new Map<string, { value: Buffer; rules?: PolicyRule[] }>();
  readonly #bindings = new Map<string, Binding>();
  readonly #scopes = new Map<string, BySubject>();
  readonly #unsubscribe: () => void;

  constructor(storage: Storage) {
    this.#unsubscribe = storage.subscribe(({ key, type, value }) => {
      if (key.startsWith(prefix)) this.#put(key, type === "delete" ? undefined : value);
    });
    for (const { key, value } of storage.list({ prefix }).items) this.#put(key, value);
  }

  close(): void {
    this.#unsubscribe();
  }

  /** Goes through the rules that apply to the user in the namespace ("": the cluster's only). */
  visit(user: UserInfo, namespace: string, visitor: RuleVisitor): void {
    const names = [`User ${user.username}`, ...user.groups.map((group) => `Group ${group}`)];
    for (const scope of namespace === "" ? [""] : ["", namespace]) {
      const bySubject = this.#scopes.get(scope);
      if (bySubject === undefined) continue;
      const seen = new Set<Binding>();
      for (const name of names) {
        for (const binding of bySubject.get(name) ?? []) {
          if (seen.has(binding)) continue;
          seen.add(binding);
          if (this.#visitBinding(binding, visitor)) return;
        }
      }
    }
  }

  #visitBinding(binding: Binding, visitor: RuleVisitor): boolean {
    const rules = this.rulesOf(binding.roleRef, binding.namespace);
    if (rules === undefined) {
      // Upstream's listers name the kind where a resource should stand.
      const { kind, name } = binding.roleRef;
      return visitor(undefined, binding, notFound(kind.toLowerCase(), name));
    }
    for (const rule of rules) if (visitor(rule, binding)) return true;
    return false;
  }

  /** The rules of the role that a binding in the namespace refers to; undefined when there is no such role. */
  rulesOf({ kind, name }: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    const key = kind === "Role" ? `${prefix}roles/${namespace}/${name}` : `${prefix}clusterroles/${name}`;
    const role = this.#roles.get(key);
    if (role !== undefined) role.rules ??= (JSON.parse(role.value.toString()) as { rules?: PolicyRule[] }).rules ?? [];
    return role?.rules;
  }

  #put(key: string, value: Buffer | undefined): void {
    const plural = key.slice(prefix.length, key.indexOf("/", prefix.length));
    if (plural === "roles" || plural === "clusterroles") {
      if (value === undefined) this.#roles.delete(key);
      else this.#roles.set(key, { value });
    } else if (plural === "rolebindings" || plural === "clusterrolebindings") {
      const old = this.#bindings.get(key);
      if (old !== undefined) this.#index(old, (bindings) => bindings.delete(old));
      this.#bindings.delete(key);
      if (value === undefined) return;
      const binding = parseBinding(value);
      this.#bindings.set(key, binding);
      this.#index(binding, (bindings) => bindings.add(binding));
    }
  }

  #index(binding: Binding, change: (bindings: Set<Binding>) => void): void {
    const bySubject = this.#scopes.get(binding.namespace) ?? new Map<string, Set<Binding>>();
    this.#scopes.set(binding.namespace, bySubject);
    for (const subject of binding.subjects) {
      const name = subjectName(subject, binding.namespace);
      if (name === undefined) continue;
      const bindings = bySubject.get(name) ?? new Set();
      change(bindings);
      if (bindings.size === 0) bySubject.delete(name);
      else bySubject.set(name, bindings);
    }
    if (bySubject.size === 0) this.#scopes.delete(binding.namespace);
  }
}

export function notFound(resource: string, name: string): StatusError {
  return status.notFound({ group: "rbac.authorization.k8s.io", resource }, name);
}

function parseBinding(value: Buffer): Binding {
  const object = JSON.parse(value.toString()) as KubeObject;
  return {
    name: object.metadata.name ?? "",
    namespace: object.metadata.namespace ?? "",
    roleRef: object["roleRef"],
    subjects: object["subjects"] ?? [],
  };
}

/** A service account is the user that its tokens are for; without a namespace it is of the binding's. */
function subjectName({ kind, name, namespace }: Subject, bindingNamespace: string): string | undefined {
  if (kind !== "ServiceAccount") return `${kind} ${name}`;
  const of = namespace || bindingNamespace;
  return of === "" ? undefined : `User system:serviceaccount:${of}:${name}`;
}

/** Why the user has what the binding grants, in upstream's words. */
export function describeBinding(binding: Binding, user: UserInfo): string {
  const names = new Set([`User ${user.username}`, ...user.groups.map((group) => `Group ${group}`)]);
  const subject = binding.subjects.find((each) => names.has(subjectName(each, binding.namespace) ?? ""));
  const kind = binding.namespace === "" ? "ClusterRoleBinding" : "RoleBinding";
  const name = binding.namespace === "" ? binding.name : `${binding.name}/${binding.namespace}`;
  const who =
    subject?.kind === "ServiceAccount"
      ? `${subject.name}/${subject.namespace || binding.namespace}`
      : (subject?.name ?? "");
  const text = (value: string) => JSON.stringify(value);
  return `${kind} ${text(name)} of ${binding.roleRef.kind} ${text(binding.roleRef.name)} to ${subject?.kind} ${text(who)}`;
}
