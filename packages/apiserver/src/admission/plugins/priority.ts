import type { KubeObject } from "@podwright/kube";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import type { Lister } from "../lister.ts";
import { isCore, refuse } from "../refusal.ts";

interface PodPriority {
  priorityClassName?: string;
  priority?: number;
  preemptionPolicy?: string;
}

/**
 * Resolves a pod's priority class into its priority and preemption policy, and keeps the global default single
 * (k8s.io/kubernetes/plugin/pkg/admission/priority/admission.go).
 */
export function priority(priorityClasses: Lister): AdmissionPlugin {
  return {
    name: "Priority",
    handles: ({ operation, subresource }) => (operation === "CREATE" || operation === "UPDATE") && subresource === "",
    mutate(attributes) {
      if (!isCore(attributes, "pods") || attributes.object === undefined) return;
      const spec = attributes.object["spec"] as PodPriority | undefined;
      if (spec === undefined) return;
      if (attributes.operation === "CREATE") resolve(attributes, spec, priorityClasses);
      else keep(spec, attributes.oldObject?.["spec"] as PodPriority | undefined);
    },
    validate(attributes) {
      const { resource, object } = attributes;
      if (resource.group !== "scheduling.k8s.io" || resource.plural !== "priorityclasses") return;
      if (object?.["globalDefault"] !== true) return;
      const name = globalDefault(priorityClasses)?.metadata.name;
      if (name === undefined) return;
      if (attributes.operation === "CREATE" || name !== object.metadata.name) {
        throw refuse(attributes, `PriorityClass ${name} is already marked as default. Only one default can exist`);
      }
    },
  };
}

function resolve(attributes: AdmissionAttributes, spec: PodPriority, classes: Lister): void {
  let found: KubeObject | undefined;
  if (spec.priorityClassName) {
    found = classes.get(`/scheduling.k8s.io/priorityclasses/${spec.priorityClassName}`);
    if (found === undefined) {
      throw refuse(attributes, `no PriorityClass with name ${spec.priorityClassName} was found`);
    }
  } else {
    found = globalDefault(classes);
    if (found?.metadata.name !== undefined) spec.priorityClassName = found.metadata.name;
  }
  const value: number = found?.["value"] ?? 0;
  if (spec.priority !== undefined && spec.priority !== value) {
    throw refuse(
      attributes,
      `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    );
  }
  spec.priority = value;
  const policy: string | undefined = found === undefined ? "PreemptLowerPriority" : found["preemptionPolicy"];
  if (policy === undefined) return;
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
    throw refuse(
      attributes,
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
    );
  }
  spec.preemptionPolicy = policy;
}

/** An update that leaves out what this plugin set keeps it. */
function keep(spec: PodPriority, old: PodPriority | undefined): void {
  if (spec.priority === undefined && old?.priority !== undefined) spec.priority = old.priority;
  if (spec.preemptionPolicy === undefined && old?.preemptionPolicy !== undefined) {
    spec.preemptionPolicy = old.preemptionPolicy;
  }
}

/** The one marked as default; the lowest, should a race have made two. */
function globalDefault(classes: Lister): KubeObject | undefined {
  let lowest: KubeObject | undefined;
  for (const candidate of classes.list()) {
    if (candidate["globalDefault"] !== true) continue;
    if (lowest === undefined || candidate["value"] < lowest["value"]) lowest = candidate;
  }
  return lowest;
}
