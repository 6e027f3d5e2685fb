import type { EventRecorder, Informer } from "@podwright/client";
import type { JsonObject, KubeObject, OwnerReference } from "@podwright/kube";
import type { AdmissionHandler } from "../webhook/server.ts";
import { armPod, requestedNanoPods } from "./arm.ts";
import { diffToJsonPatch } from "./json-patch.ts";
import { defaultNanoPod, type NanoPod } from "./nanopod.ts";

/** A NanoPod written a moment before its pod may still be on its way here: a name not known yet is waited for so long. */
const missingGraceMs = 300;

/**
 * The handler that arms pods on CREATE. It looks NanoPods up in the informer and asks the API nothing; a name that
 * does not exist is told to the creator (warning) and to the pod's owner (event), and never keeps the pod from
 * being made.
 */
export function createArmingHandler(nanoPods: Informer<NanoPod>, recorder: EventRecorder): AdmissionHandler {
  const arrivals = new Arrivals(nanoPods);

  return async (request) => {
    const pod = request.object;
    if (request.operation !== "CREATE" || !pod) return { allowed: true };
    const namespace = request.namespace ?? pod.metadata.namespace ?? "";

    const names = requestedNanoPods(pod).filter((name) => name !== defaultNanoPod);
    await Promise.all(names.map((name) => arrivals.settle(`${namespace}/${name}`)));

    const armed = armPod(pod, (name) => nanoPods.get(name, namespace));
    const warnings = [
      ...armed.missing.map(
        (name) => `NanoPod "${name}" not found in namespace "${namespace}": the pod is created without it`,
      ),
      ...armed.failed.map(({ name, message }) => `NanoPod "${name}" was not merged into the pod: ${message}`),
    ];
    const owner = controllerOf(pod, namespace);
    if (owner !== undefined && request.dryRun !== true) {
      const podName = pod.metadata.name ?? `${pod.metadata.generateName ?? ""}*`;
      for (const warning of warnings)
        recorder.event(owner, "Warning", "NanoPodNotApplied", `Pod ${podName}: ${warning}`);
    }
    return {
      allowed: true,
      ...(warnings.length > 0 ? { warnings } : {}),
      patch: diffToJsonPatch(pod as unknown as JsonObject, armed.pod as unknown as JsonObject),
    };
  };
}

/** Waits for NanoPods that are not known yet, once for each name. */
class Arrivals {
  readonly #nanoPods: Informer<NanoPod>;
  /** Names that were waited for in vain, until they turn up. */
  readonly #absent = new Set<string>();
  readonly #waiting = new Map<string, { promise: Promise<void>; done: () => void }>();

  constructor(nanoPods: Informer<NanoPod>) {
    this.#nanoPods = nanoPods;
    nanoPods.onChange({
      added: ({ metadata }) => {
        const key = `${metadata.namespace}/${metadata.name}`;
        this.#absent.delete(key);
        this.#waiting.get(key)?.done();
      },
    });
  }

  /** Resolves at once for a name that is known or was waited for before. */
  settle(key: string): Promise<void> | undefined {
    const [namespace, name] = key.split("/") as [string, string];
    if (this.#absent.has(key) || this.#nanoPods.get(name, namespace) !== undefined) return undefined;
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) return waiting.promise;

    const { promise, resolve } = Promise.withResolvers<void>();
    const done = () => {
      clearTimeout(timer);
      this.#waiting.delete(key);
      resolve();
    };
    const timer = setTimeout(() => {
      // Bounded: whoever makes up names is waited for again.
      if (this.#absent.size >= 10_000) this.#absent.clear();
      this.#absent.add(key);
      done();
    }, missingGraceMs);
    this.#waiting.set(key, { promise, done });
    return promise;
  }
}

/** The pod's controller as an object that an event can be about. */
function controllerOf(pod: KubeObject, namespace: string): KubeObject | undefined {
  const owner = pod.metadata.ownerReferences?.find((reference: OwnerReference) => reference.controller === true);
  if (owner === undefined) return undefined;
  const { apiVersion, kind, name, uid } = owner;
  return { apiVersion, kind, metadata: { name, namespace, uid } };
}
