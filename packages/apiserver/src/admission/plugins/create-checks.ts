import type { AdmissionPlugin } from "../admission.ts";

/**
 * Lets kinds refuse new objects: those of a CustomResourceDefinition that is going away
 * (k8s.io/apiextensions-apiserver/pkg/apiserver/customresource_handler.go, forbidCreateAdmission).
 */
export function createChecks(): AdmissionPlugin {
  return {
    name: "CreateChecks",
    handles: ({ operation, subresource }) => operation === "CREATE" && subresource === "",
    mutate({ resource, name, object }) {
      resource.strategy.checkCreate?.(name || (object?.metadata.name ?? ""));
    },
  };
}
