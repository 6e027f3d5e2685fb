import type { ResourceRequest } from "../context.ts";
import { statusScope, type UpdateScope } from "../verbs/guaranteed-update.ts";

/**
 * namespaces/finalize: the one place where spec.finalizers change
 * (k8s.io/kubernetes/pkg/registry/core/namespace/strategy.go, namespaceFinalizeStrategy).
 */
export function finalizeScope(request: ResourceRequest): UpdateScope {
  return {
    ...statusScope(request),
    prepare(object, old) {
      if (old["status"] === undefined) delete object["status"];
      else object["status"] = old["status"];
    },
  };
}
