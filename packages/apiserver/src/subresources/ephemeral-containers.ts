import { fieldError, type JsonValue, jsonEqual } from "@podwright/kube";
import type { ResourceRequest } from "../context.ts";
import type { UpdateScope } from "../verbs/guaranteed-update.ts";

/**
 * pods/ephemeralcontainers: containers may be added, and nothing else changed
 * (k8s.io/kubernetes/pkg/registry/core/pod/strategy.go, podEphemeralContainersStrategy).
 */
export function ephemeralContainersScope({ resource }: ResourceRequest): UpdateScope {
  return {
    countsGeneration: resource.strategy.hasGeneration,
    prepare(object, old) {
      const added = object["spec"]?.ephemeralContainers;
      const { metadata } = object;
      for (const field of Object.keys(object)) delete object[field];
      Object.assign(object, structuredClone(old), { metadata });
      if (added !== undefined) object["spec"].ephemeralContainers = added;
    },
    validate(object, old) {
      const before: { name: string }[] = old["spec"]?.ephemeralContainers ?? [];
      const after: { name: string; image?: string }[] = object["spec"]?.ephemeralContainers ?? [];
      const incomplete = after.flatMap((container, index) =>
        (["name", "image"] as const)
          .filter((field) => !container[field])
          .map((field) => fieldError.required(`spec.ephemeralContainers[${index}].${field}`)),
      );
      if (incomplete.length > 0) return incomplete;
      return before.flatMap((container) => {
        const kept = after.find(({ name }) => name === container.name);
        if (kept !== undefined && jsonEqual(kept as JsonValue, container as JsonValue)) return [];
        const text =
          kept === undefined
            ? `existing ephemeral containers ${JSON.stringify(container.name)} may not be removed\n`
            : `existing ephemeral containers ${JSON.stringify(container.name)} may not be changed\n`;
        return [fieldError.forbidden("spec.ephemeralContainers", text)];
      });
    },
  };
}
