import { type KubeObject, parseApiVersion, parseLabelSelector } from "@podwright/kube";
import type { ObjectTarget } from "../pack.ts";

/** Whether a rendered object is meant; what the target does not say fits all. */
export function matchesTarget(object: KubeObject, target: ObjectTarget | undefined): boolean {
  if (target === undefined) return true;
  const { group, version } = parseApiVersion(object.apiVersion);
  const { name, namespace, labels } = object.metadata;
  return (
    (target.group === undefined || target.group === group) &&
    (target.version === undefined || target.version === version) &&
    (target.kind === undefined || target.kind === object.kind) &&
    (target.name === undefined || target.name === name) &&
    (target.namespace === undefined || target.namespace === namespace) &&
    (target.labelSelector === undefined || parseLabelSelector(target.labelSelector).matches(labels ?? {}))
  );
}
