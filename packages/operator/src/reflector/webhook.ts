import { secretReflectors } from "@podwright/client";
import { formatFieldError, joinMessages } from "@podwright/kube";
import type { Webhook } from "../part.ts";
import type { AdmissionHandler } from "../webhook/server.ts";
import type { SecretReflector } from "./secret-reflector.ts";
import { validateReflector } from "./validate.ts";

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

const checkReflector: AdmissionHandler = ({ object, namespace }) => {
  // One that is on its way out must be let go, whatever it says.
  if (!object || object.metadata.deletionTimestamp !== undefined) return { allowed: true };
  const metadata = { ...object.metadata, namespace: namespace ?? object.metadata.namespace ?? "" };
  const errors = validateReflector({ ...object, metadata } as SecretReflector);
  if (errors.length === 0) return { allowed: true };
  return { allowed: false, status: { code: 422, message: joinMessages(errors.map(formatFieldError)) } };
};
