import { secretReflectors } from "@podwright/client";
import { formatFieldError, joinMessages } from "@podwright/kube";
import type { Webhook } from "../part.ts";
import type { AdmissionHandler } from "../webhook/server.ts";
import { pullKey, type SecretReflector } from "./secret-reflector.ts";

/** Refuses reflectors that cannot work. */
export function reflectorWebhook(): Webhook {
  const { group, version, resource } = secretReflectors;
  return {
    type: "validating",
    path: "/validate-secretreflector",
    handler: checkReflector,
    entry: {
      name: "secretreflectors.podwright.dev",
      rules: [
        {
          apiGroups: [group],
          apiVersions: [version],
          operations: ["CREATE", "UPDATE"],
          resources: [resource],
          scope: "Namespaced",
        },
      ],
      failurePolicy: "Fail",
      matchPolicy: "Equivalent",
      sideEffects: "None",
      timeoutSeconds: 5,
    },
  };
}

/** Refuses namespaces whose annotation cannot be read. */
export function pullWebhook(): Webhook {
  const written = `has(object.metadata.annotations) && '${pullKey}' in object.metadata.annotations`;
  const same =
    `oldObject != null && has(oldObject.metadata.annotations) && '${pullKey}' in oldObject.metadata.annotations && ` +
    `object.metadata.annotations['${pullKey}'] == oldObject.metadata.annotations['${pullKey}']`;
  return {
    type: "validating",
    path: "/validate-reflect-from",
    handler: checkPull,
    entry: {
      name: "reflect-from.podwright.dev",
      rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["namespaces"] }],
      // No other namespace waits for us, and one that was let in once can still be changed and deleted.
      matchConditions: [{ name: "asks", expression: `${written} && !(${same})` }],
      failurePolicy: "Ignore",
      matchPolicy: "Equivalent",
      sideEffects: "None",
      timeoutSeconds: 5,
    },
  };
}

const checkPull: AdmissionHandler = async ({ object }) => {
  const { pullProblem } = await import("./reflection-rules.ts");
  const problem = object ? pullProblem(object) : undefined;
  return problem === undefined ? { allowed: true } : { allowed: false, status: { code: 422, message: problem } };
};

const checkReflector: AdmissionHandler = async ({ object, namespace }) => {
  // One that is on its way out must be let go, whatever it says.
  if (!object || object.metadata.deletionTimestamp !== undefined) return { allowed: true };
  const metadata = { ...object.metadata, namespace: namespace ?? object.metadata.namespace ?? "" };
  const { validateReflector } = await import("./validate.ts");
  const errors = validateReflector({ ...object, metadata } as SecretReflector);
  if (errors.length === 0) return { allowed: true };
  return { allowed: false, status: { code: 422, message: joinMessages(errors.map(formatFieldError)) } };
};
