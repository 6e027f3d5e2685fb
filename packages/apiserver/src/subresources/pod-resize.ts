import { type FieldError, fieldError, type KubeObject } from "@podwright/kube";
import type { ResourceRequest } from "../context.ts";
import type { Struct } from "../kinds/kind.ts";
import { validatePod } from "../kinds/pod/pod-validation.ts";
import { qosClass } from "../kinds/pod/qos.ts";
import { equalJson } from "../resources/equal.ts";
import type { UpdateScope } from "../verbs/guaranteed-update.ts";

type Lists = "containers" | "initContainers";

/**
 * pods/resize: CPU and memory of containers may change, and nothing else
 * (k8s.io/kubernetes/pkg/registry/core/pod/strategy.go, podResizeStrategy).
 */
export function podResizeScope({ resource }: ResourceRequest): UpdateScope {
  return {
    countsGeneration: resource.strategy.hasGeneration,
    prepare(object, old) {
      const asked = object["spec"] as Struct;
      const kept = structuredClone(old);
      const { metadata } = object;
      if (!sameLengths(asked, kept["spec"])) return;
      for (const field of Object.keys(object)) delete object[field];
      Object.assign(object, kept, { metadata });
      for (const list of ["containers", "initContainers"] as const) {
        if (kept["spec"][list] !== undefined) object["spec"][list] = withResources(asked[list], kept["spec"][list]);
      }
    },
    validate(object, old) {
      if (old.metadata.annotations?.["kubernetes.io/config.mirror"] !== undefined) {
        return [fieldError.forbidden("", "static pods cannot be resized")];
      }
      const [spec, before] = [object["spec"] as Struct, old["spec"] as Struct];
      const errors = validatePod(object);
      const pastQos = old["status"]?.qosClass ?? qosClass(before);
      if (pastQos !== qosClass(spec)) {
        const text = "Pod QOS Class may not change as a result of resizing";
        errors.push(fieldError.invalid("spec", object["status"]?.qosClass ?? "", text));
      }
      if (!isSupported(old))
        errors.push(fieldError.forbidden("spec", "Pod running on node without support for resize"));
      const pastLevel = Object.keys({ ...before["resources"]?.requests, ...before["resources"]?.limits });
      if (pastLevel.length > 0) {
        const gate = "InPlacePodLevelResourcesVerticalScalingEnabled feature gate is disabled";
        errors.push(fieldError.forbidden("", `resize of pods with pod-level resources is forbidden when ${gate}`));
        return errors;
      }
      const order = orderErrors(spec, before);
      if (order.length > 0) return [...errors, ...order];
      return [...errors, ...changeErrors(spec, before, "initContainers"), ...changeErrors(spec, before, "containers")];
    },
  };
}

function sameLengths(spec: Struct, before: Struct): boolean {
  const length = (each: Struct, list: Lists): number => each[list]?.length ?? 0;
  return (["containers", "initContainers"] as const).every((list) => length(spec, list) === length(before, list));
}

/** The old containers with the resources that are asked for; as they are when they are others. */
function withResources(asked: Struct[], before: Struct[]): Struct[] {
  if (asked.some((container, index) => container["name"] !== before[index]?.["name"])) return asked;
  return before.map((container, index) => {
    const { resources, resizePolicy } = asked[index] as Struct;
    const merged: Struct = { ...container, resources: resources ?? {} };
    if (resizePolicy === undefined) delete merged["resizePolicy"];
    else merged["resizePolicy"] = resizePolicy;
    return merged;
  });
}

/** A container that runs tells its resources where its node can change them. */
function isSupported(pod: KubeObject): boolean {
  const running = (pod["status"]?.containerStatuses ?? []).find((status: Struct) => status["state"]?.running);
  return running === undefined || running.resources !== undefined;
}

function orderErrors(spec: Struct, before: Struct): FieldError[] {
  return (["containers", "initContainers"] as const).flatMap((list) => {
    const [now, past]: Struct[][] = [spec[list] ?? [], before[list] ?? []];
    if (now?.length !== past?.length) {
      return [fieldError.forbidden(`spec.${list}`, `${list} may not be added or removed on resize`)];
    }
    return (past ?? []).flatMap(({ name }, index) =>
      now?.[index]?.["name"] === name
        ? []
        : [fieldError.forbidden(`spec.${list}[${index}].name`, `${list} may not be renamed or reordered on resize`)],
    );
  });
}

function changeErrors(spec: Struct, before: Struct, list: Lists): FieldError[] {
  const past: Struct[] = before[list] ?? [];
  return past.flatMap((container, index) => {
    const now = spec[list][index] as Struct;
    const isSidecar = list === "initContainers" && container["restartPolicy"] === "Always";
    if (list === "initContainers" && !isSidecar) {
      const text = "resources for non-sidecar init containers are immutable";
      return equalJson(now, container) ? [] : [fieldError.forbidden("spec", text)];
    }
    const errors: FieldError[] = [];
    for (const kind of ["requests", "limits"]) {
      const names = Object.keys(container["resources"]?.[kind] ?? {});
      if (names.every((name) => now["resources"]?.[kind]?.[name] !== undefined)) continue;
      const path = `spec.${list}[${index}].resources.${kind}`;
      errors.push(fieldError.forbidden(path, `resource ${kind} cannot be removed`));
    }
    if (!equalJson(withoutAmounts(now), withoutAmounts(container))) {
      const whose = isSidecar ? " for sidecar containers" : "";
      errors.push(fieldError.forbidden("spec", `only cpu and memory resources${whose} are mutable`));
    }
    return errors;
  });
}

/** The container without its CPU and memory. */
function withoutAmounts(container: Struct): Struct {
  const others = (list: Struct | undefined): [string, unknown][] =>
    Object.entries(list ?? {}).filter(([name]) => name !== "cpu" && name !== "memory");
  const { requests, limits, ...rest } = container["resources"] ?? {};
  const amounts = { requests: Object.fromEntries(others(requests)), limits: Object.fromEntries(others(limits)) };
  return { ...container, resources: { ...rest, ...amounts } };
}
