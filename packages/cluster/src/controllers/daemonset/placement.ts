/** Which nodes a DaemonSet wants its pods on (k8s.io/kubernetes/pkg/controller/daemon/daemon_controller.go, util). */

import { daemonTolerations, isTolerated } from "@podwright/kube/node-selection";
import type { Node, Pod, PodSpec, Taint, Toleration } from "../../kinds.ts";
import { matchesNodeSelection } from "../../scheduler/filters.ts";
import { revisionHashLabel } from "../controller-revisions.ts";
import { podFromTemplate } from "../pod-from-template.ts";
import type { DaemonSet } from "./daemon-set.ts";

const generationAnnotation = "deprecated.daemonset.template.generation";
const generationLabel = "pod-template-generation";

const networkUnavailable: Toleration = {
  key: "node.kubernetes.io/network-unavailable",
  operator: "Exists",
  effect: "NoSchedule",
};

export interface Placement {
  /** A pod is to be made there when there is none. */
  run: boolean;
  /** One that is there may stay. */
  stay: boolean;
}

export function placementOn(set: DaemonSet, node: Node): Placement {
  const { spec } = set.spec.template;
  const name = node.metadata.name ?? "";
  const pod: Pod = { apiVersion: "v1", kind: "Pod", metadata: {}, spec };
  const elsewhere = Boolean(spec.nodeName) && spec.nodeName !== name;
  if (elsewhere || !matchesNodeSelection(pod, { name, node })) return { run: false, stay: false };
  const tolerations = withDaemonTolerations(spec).tolerations ?? [];
  const repels = (effects: readonly string[]) => (taint: Taint) =>
    effects.includes(taint.effect) && !isTolerated(taint, tolerations);
  const taints = node.spec?.taints ?? [];
  if (!taints.some(repels(["NoExecute", "NoSchedule"]))) return { run: true, stay: true };
  return { run: false, stay: !taints.some(repels(["NoExecute"])) };
}

/** The pod for a node: bound to it by affinity, so that the scheduler has its say as well. */
export function daemonPod(set: DaemonSet, hash: string, nodeName: string): Pod {
  const pod = podFromTemplate(set.spec.template, set);
  const generation = set.metadata.annotations?.[generationAnnotation];
  const labels = {
    ...pod.metadata.labels,
    ...(generation === undefined ? {} : { [generationLabel]: generation }),
    [revisionHashLabel]: hash,
  };
  const nodeAffinity = {
    ...pod.spec.affinity?.nodeAffinity,
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: [nodeName] }] }],
    },
  };
  const spec = withDaemonTolerations(pod.spec);
  return {
    ...pod,
    metadata: { ...pod.metadata, labels },
    spec: { ...spec, affinity: { ...spec.affinity, nodeAffinity } },
  };
}

function withDaemonTolerations(spec: PodSpec): PodSpec {
  const tolerations = [...(spec.tolerations ?? [])];
  for (const added of spec.hostNetwork ? [...daemonTolerations, networkUnavailable] : daemonTolerations) {
    const covered = tolerations.findIndex(
      ({ key, effect, operator = "Equal", value }) =>
        key === added.key && effect === added.effect && operator === added.operator && !value,
    );
    if (covered < 0) tolerations.push(added);
    else tolerations[covered] = added;
  }
  return { ...spec, tolerations };
}

/** The node that a pod is on, or is meant for. */
export function nodeNameOf(pod: Pod): string | undefined {
  if (pod.spec.nodeName) return pod.spec.nodeName;
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  for (const { matchFields = [] } of terms ?? []) {
    const field = matchFields.find(({ key, operator }) => key === "metadata.name" && operator === "In");
    if (field?.values?.length === 1) return field.values[0];
  }
  return undefined;
}

/** Was the pod made from the current template? */
export function isUpdated(set: DaemonSet, pod: Pod, hash: string): boolean {
  const labels = pod.metadata.labels ?? {};
  const generation = set.metadata.annotations?.[generationAnnotation];
  return labels[revisionHashLabel] === hash || (generation !== undefined && labels[generationLabel] === generation);
}
