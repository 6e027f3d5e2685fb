import type { Webhook } from "../part.ts";
import type { AdmissionHandler } from "../webhook/server.ts";
import { AnnotationError, readAnnotations, redeployKeys } from "./annotation.ts";

/** Refuses workloads and Packs whose annotations cannot be read. */
export function redeployWebhook(): Webhook {
  return {
    type: "validating",
    path: "/validate-watch-to-redeploy",
    handler: checkAnnotations,
    entry: {
      name: "watch-to-redeploy.podwright.dev",
      rules: [
        rule("apps", "v1", ["deployments", "statefulsets", "daemonsets"]),
        rule("k8s.kubit.ir", "v1alpha1", ["packs"]),
      ],
      // Only what has written one of the annotations anew is sent: others do not wait for us, and an annotation that
      // came while the webhook was away does not keep controllers from updating the object.
      matchConditions: [{ name: "annotated", expression: newlyAnnotated }],
      failurePolicy: "Ignore",
      matchPolicy: "Equivalent",
      sideEffects: "None",
      timeoutSeconds: 5,
    },
  };
}

const newlyAnnotated = [
  "has(object.metadata.annotations)",
  `[${redeployKeys.map((key) => `'${key}'`).join(", ")}].exists(key, key in object.metadata.annotations && ` +
    "(oldObject == null || !has(oldObject.metadata.annotations) || !(key in oldObject.metadata.annotations) || " +
    "object.metadata.annotations[key] != oldObject.metadata.annotations[key]))",
].join(" && ");

function rule(apiGroup: string, apiVersion: string, resources: string[]) {
  return {
    apiGroups: [apiGroup],
    apiVersions: [apiVersion],
    operations: ["CREATE", "UPDATE"],
    resources,
    scope: "Namespaced",
  };
}

const checkAnnotations: AdmissionHandler = ({ object }) => {
  try {
    readAnnotations(object?.metadata.annotations);
    return { allowed: true };
  } catch (error) {
    if (!(error instanceof AnnotationError)) throw error;
    return { allowed: false, status: { code: 422, message: error.message } };
  }
};
