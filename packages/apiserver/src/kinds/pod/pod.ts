import type { KubeObject } from "@podwright/kube";
import { equalJson } from "../../resources/equal.ts";
import type { NativeKind, Struct } from "../kind.ts";
import { dropDisabledFields } from "./disabled-fields.ts";
import { defaultPodLevelRequests } from "./pod-level-resources.ts";
import { validatePod, validatePodStatusUpdate, validatePodUpdate } from "./pod-validation.ts";
import { qosClass } from "./qos.ts";
import { podTable } from "./table.ts";
import { podTemplateDefaults } from "./template-defaults.ts";
import { podWarnings } from "./warnings.ts";

export const pod: NativeKind = {
  defaults: {
    ...podTemplateDefaults,
    "io.k8s.api.core.v1.Pod": ({ spec }) => {
      for (const container of containersOf(spec)) {
        const { limits } = container["resources"] ?? {};
        if (limits !== undefined) container["resources"].requests = { ...limits, ...container["resources"].requests };
        if (spec.hostNetwork) for (const port of container["ports"] ?? []) port.hostPort ||= port.containerPort;
      }
      defaultPodLevelRequests(spec);
      spec.enableServiceLinks ??= true;
    },
    "io.k8s.api.core.v1.PodStatus": (status) => {
      // The singular fields are the first of the plural ones.
      for (const [one, all] of [
        ["podIP", "podIPs"],
        ["hostIP", "hostIPs"],
      ] as const) {
        const ip = status[one] ?? "";
        if (ip !== "" && status[all]?.[0]?.ip !== ip) status[all] = [{ ip }];
        else if (ip === "" && status[all]?.[0]?.ip) status[one] = status[all][0].ip;
      }
    },
  },
  hasGeneration: true,
  generationChanges: (object, old) => !equalJson(object["spec"], old["spec"]),
  prepareForCreate(object) {
    object["status"] = { phase: "Pending", qosClass: qosClass(object["spec"]) };
    dropDisabledFields(object["spec"]);
    if (object["spec"].schedulingGates?.length > 0) {
      // The pod's creation is as good as now.
      const lastTransitionTime = object.metadata.creationTimestamp ?? null;
      object["status"].conditions = [{ ...schedulingGated, lastTransitionTime }];
    }
  },
  prepareForUpdate: (object) => dropDisabledFields(object["spec"]),
  prepareForStatusUpdate,
  warnings: (object, old) => (old === undefined ? podWarnings(object) : []),
  validate: validatePod,
  validateUpdate: validatePodUpdate,
  validateStatusUpdate: validatePodStatusUpdate,
  gracePeriodSeconds(object, requested) {
    if (!object["spec"]?.nodeName || object["status"]?.phase === "Failed" || object["status"]?.phase === "Succeeded")
      return 0;
    const seconds = requested ?? object["spec"].terminationGracePeriodSeconds ?? 0;
    return seconds < 0 ? 1 : seconds;
  },
  returnsDeletedObject: true,
  selectableFields: {
    "spec.nodeName": (object) => object["spec"]?.nodeName,
    "spec.restartPolicy": (object) => object["spec"]?.restartPolicy,
    "spec.schedulerName": (object) => object["spec"]?.schedulerName,
    "spec.serviceAccountName": (object) => object["spec"]?.serviceAccountName,
    "spec.hostNetwork": (object) => object["spec"]?.hostNetwork ?? false,
    "status.phase": (object) => object["status"]?.phase,
    "status.podIP": (object) => object["status"]?.podIPs?.[0]?.ip,
    "status.podIPs": (object) => object["status"]?.podIPs?.[0]?.ip,
    "status.nominatedNodeName": (object) => object["status"]?.nominatedNodeName,
  },
  table: podTable,
};

const schedulingGated = {
  type: "PodScheduled",
  status: "False",
  lastProbeTime: null,
  reason: "SchedulingGated",
  message: "Scheduling is blocked due to non-empty scheduling gates",
};

/** Init containers and containers. */
function containersOf(spec: Struct): Struct[] {
  return [...(spec["initContainers"] ?? []), ...(spec["containers"] ?? [])];
}

/** Status updates leave owners alone, and what they do not know of is kept (k8s.io/kubernetes/pkg/registry/core/pod/strategy.go). */
function prepareForStatusUpdate(object: KubeObject, old: KubeObject): void {
  if (old.metadata.ownerReferences === undefined) delete object.metadata.ownerReferences;
  else object.metadata.ownerReferences = old.metadata.ownerReferences;

  object["status"] ??= {};
  const status: Struct = object["status"];
  const before: Struct = old["status"] ?? {};
  if (!status["qosClass"] && before["qosClass"]) status["qosClass"] = before["qosClass"];
  if (!status["observedGeneration"] && before["observedGeneration"])
    status["observedGeneration"] = before["observedGeneration"];
  const generations = new Map<string, number[]>();
  for (const { type, observedGeneration = 0 } of before["conditions"] ?? []) {
    generations.set(type, [...(generations.get(type) ?? []), observedGeneration]);
  }
  for (const condition of status["conditions"] ?? []) {
    const generation = generations.get(condition.type)?.shift();
    if (!condition.observedGeneration && generation) condition.observedGeneration = generation;
  }
}
