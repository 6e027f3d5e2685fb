import { status } from "@podwright/kube";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import type { Lister } from "../lister.ts";
import { refuse } from "../refusal.ts";

const immortal: ReadonlySet<string> = new Set(["default", "kube-system", "kube-public"]);

/**
 * Nothing is written in a namespace that does not exist, nothing new in one that is going, and the system's own
 * namespaces stay (k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go).
 */
export function namespaceLifecycle(namespaces: Lister): AdmissionPlugin {
  return {
    name: "NamespaceLifecycle",
    handles: (attributes) => attributes.operation !== "CONNECT",
    mutate(attributes) {
      if (isNamespace(attributes)) {
        if (attributes.operation === "DELETE" && immortal.has(attributes.name)) {
          const resource = { group: "", resource: "namespaces" };
          throw status.forbidden(resource, attributes.name, "this namespace may not be deleted");
        }
        return;
      }
      if (attributes.namespace === "" || attributes.operation === "DELETE" || isAccessReview(attributes)) return;

      const namespace = namespaces.get(`//namespaces/${attributes.namespace}`);
      if (namespace === undefined) {
        throw status.notFound({ group: "", resource: "namespaces" }, attributes.namespace);
      }
      if (attributes.operation === "CREATE" && namespace["status"]?.phase === "Terminating") {
        const error = refuse(
          attributes,
          `unable to create new content in namespace ${attributes.namespace} because it is being terminated`,
        );
        const cause = {
          reason: "NamespaceTerminating",
          message: `namespace ${attributes.namespace} is being terminated`,
          field: "metadata.namespace",
        };
        error.status.details = { ...error.status.details, causes: [cause] };
        throw error;
      }
    },
  };
}

function isNamespace({ resource }: AdmissionAttributes): boolean {
  return resource.group === "" && resource.kind === "Namespace";
}

/** Their answers must not tell which namespaces exist. */
function isAccessReview({ resource }: AdmissionAttributes): boolean {
  return resource.group === "authorization.k8s.io" && resource.plural === "localsubjectaccessreviews";
}
