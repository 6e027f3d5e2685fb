import { namespaces, type Occasion, onDemand, secretReflectors, whenThereIs } from "@podwright/client";
import { type KubeObject, messageOf } from "@podwright/kube";
import type { Part, PartContext } from "../part.ts";
import { ownerOf } from "./copy-registry.ts";
import { secretReflectorCrd } from "./crd.ts";
import type { SecretReflector } from "./secret-reflector.ts";
import { pullWebhook, reflectorWebhook } from "./webhook.ts";

const byNamespace = ({ metadata }: KubeObject) => [metadata.namespace ?? ""];

/** Copies Secrets and ConfigMaps into other namespaces. */
export function createReflectorPart(context: PartContext): Part {
  const { informers, clock, logger } = context;
  const watched = {
    reflectors: informers.for<SecretReflector>(secretReflectors, { indexes: { namespace: byNamespace } }),
    namespaces: informers.for(namespaces, { managedFields: false }),
  };
  // Asked for now, so that it has synced when the controllers start.
  const { content } = context;
  /** What a reflector that is gone has left behind. */
  const copy: Occasion = (happened) =>
    content.onChange(({ entry }) => {
      if (ownerOf(entry) !== undefined) happened();
    });
  return {
    name: "reflector",
    crds: [secretReflectorCrd()],
    webhooks: [reflectorWebhook(), pullWebhook()],
    async lead() {
      return onDemand({
        occasions: [whenThereIs(watched.reflectors), copy],
        async load() {
          const { ReflectorController } = await import("./reflector-controller.ts");
          return new ReflectorController(context, watched);
        },
        informers,
        clock,
        onError: (error) => logger.error("reflecting cannot start", { error: messageOf(error) }),
      });
    },
  };
}
