import { namespaces, secretReflectors, withoutManagedFields } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import type { Part, PartContext } from "../part.ts";
import { secretReflectorCrd } from "./crd.ts";
import { ReflectorController } from "./reflector-controller.ts";
import type { SecretReflector } from "./secret-reflector.ts";
import { reflectorWebhook } from "./webhook.ts";

const byNamespace = ({ metadata }: KubeObject) => [metadata.namespace ?? ""];

/** Copies Secrets and ConfigMaps into other namespaces. */
export function createReflectorPart(context: PartContext): Part {
  const { informers } = context;
  const watched = {
    reflectors: informers.for<SecretReflector>(secretReflectors, { indexes: { namespace: byNamespace } }),
    namespaces: informers.for(namespaces, { transform: withoutManagedFields }),
  };
  // Asked for now, so that it has synced when the controllers start.
  const { content } = context;
  return {
    name: "reflector",
    crds: [secretReflectorCrd()],
    webhooks: [reflectorWebhook()],
    async lead() {
      const controller = new ReflectorController({ ...context, content }, watched);
      controller.start();
      return { stop: () => controller.stop() };
    },
  };
}
