import type { Webhook } from "../part.ts";
import type { AdmissionHandler } from "../webhook/server.ts";
import { freshLabel, settingKeys } from "./keys.ts";

/** Refuses workloads and namespaces whose wishes for new images cannot be read. */
export function freshWebhook(): Webhook {
  return {
    type: "validating",
    path: "/validate-fresh",
    handler: checkWishes,
    entry: {
      name: "fresh.podwright.dev",
      rules: [
        rule("apps", ["deployments", "statefulsets", "daemonsets"], "Namespaced"),
        rule("batch", ["cronjobs"], "Namespaced"),
        rule("", ["namespaces"], "Cluster"),
      ],
      // Only what has written one of them anew is sent: others do not wait for us, and one that came while the webhook
      // was away does not keep controllers from updating the object.
      matchConditions: [{ name: "wishes", expression: newlyWished }],
      failurePolicy: "Ignore",
      matchPolicy: "Equivalent",
      sideEffects: "None",
      timeoutSeconds: 5,
    },
  };
}

const newlyWished = [newlySet("annotations", settingKeys), newlySet("labels", [freshLabel])].join(" || ");

function newlySet(map: "annotations" | "labels", keys: readonly string[]): string {
  const [now, before] = [`object.metadata.${map}`, `oldObject.metadata.${map}`];
  const listed = keys.map((key) => `'${key}'`).join(", ");
  const changed = `oldObject == null || !has(${before}) || !(key in ${before}) || ${now}[key] != ${before}[key]`;
  return `(has(${now}) && [${listed}].exists(key, key in ${now} && (${changed})))`;
}

function rule(apiGroup: string, resources: string[], scope: "Namespaced" | "Cluster") {
  return { apiGroups: [apiGroup], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources, scope };
}

const checkWishes: AdmissionHandler = async ({ object }) => {
  if (object === undefined || object === null) return { allowed: true };
  // Loaded for those who wish for something.
  const { wishErrors } = await import("./settings.ts");
  const errors = wishErrors(object);
  return errors.length === 0
    ? { allowed: true }
    : { allowed: false, status: { code: 422, message: errors.join("; ") } };
};
