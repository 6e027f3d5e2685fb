import type { Clock } from "@podwright/clock";
import { formatTime } from "@podwright/kube";
import { parseStored } from "../output/response.ts";
import type { Resource } from "../resources/resource.ts";
import type { Storage, Write } from "../storage/storage.ts";
import type { DeleteOptions } from "../verbs/delete-options.ts";
import { decideDeletion } from "../verbs/deletion.ts";
import { encodeStored, storedAttributes } from "../verbs/stored-object.ts";
import {
  type Condition,
  cleanupFinalizer,
  type Definition,
  definitionsPrefix,
  isConditionTrue,
  withCondition,
} from "./definition.ts";
import { encodeDefinition, removeDefinition } from "./encode-definition.ts";

export interface FinalizerOptions {
  storage: Storage;
  clock: Clock;
  onError(error: unknown): void;
  /** One of the resources a definition is served as. */
  resourceOf(definition: string): Resource | undefined;
}

/** Deletes the instances of definitions that are going away, then lets the definitions go. */
export interface Finalizer {
  /** Begins when the definition is being deleted and its clean-up is still to be done. */
  consider(definition: Definition): void;
  forget(name: string): void;
  instanceDeleted(key: string): void;
  readonly busy: boolean;
  settled(): Promise<void>;
  stop(): void;
}

/** k8s.io/apiextensions-apiserver/pkg/controller/finalizer/crd_finalizer.go. */
export function createFinalizer({ storage, clock, onError, resourceOf }: FinalizerOptions): Finalizer {
  /** Definitions whose instances have been told to go, by the prefix of the instances' keys. */
  const waiting = new Map<string, string>();
  const begun = new Set<string>();
  const running = new Set<Promise<void>>();
  let stopped = false;

  function run(work: () => Promise<void>): void {
    if (stopped) return;
    const done = work().catch(onError);
    running.add(done);
    void done.then(() => running.delete(done));
  }

  async function begin(definition: Definition): Promise<void> {
    const name = definition.metadata.name as string;
    if (!isConditionTrue(definition, "Established")) {
      return finish(name, { reason: "NeverEstablished", message: "resource was never established" });
    }
    const inProgress = { reason: "InstanceDeletionInProgress", message: "CustomResource deletion is in progress" };
    await update(name, (stored) => withTerminating(stored, "True", inProgress));
    const resource = resourceOf(name);
    const prefix = `/${definition.spec.group}/${definition.spec.names.plural}/`;
    waiting.set(prefix, name);
    // A definition that overlaps with a native resource serves nothing: its instances are not its own.
    if (resource !== undefined) {
      await Promise.all(storage.list({ prefix }).items.map((item) => deleteInstance(item.key, resource)));
    }
    await finishWhenEmpty(prefix, resource === undefined);
  }

  function deleteInstance(key: string, resource: Resource): Promise<unknown> {
    return storage.write(key, (current): Write => {
      if (current === undefined) return { type: "none" };
      const object = parseStored(current.value);
      const deletion = decideDeletion(resource, object, background, clock.now());
      if (deletion.type === "unchanged") return { type: "none" };
      const encode = (revision: number) => encodeStored(deletion.object, revision);
      if (deletion.type === "remove") return { type: "delete", encode };
      return { type: "put", encode, ...storedAttributes(resource, deletion.object) };
    });
  }

  async function finishWhenEmpty(prefix: string, overlaps = false): Promise<void> {
    const name = waiting.get(prefix);
    if (name === undefined || (!overlaps && storage.list({ prefix, limit: 1 }).items.length > 0)) return;
    waiting.delete(prefix);
    await finish(name, { reason: "InstanceDeletionCompleted", message: "removed all instances" });
  }

  /** Takes the clean-up finalizer off; without another one the definition is gone. */
  function finish(name: string, outcome: Outcome): Promise<void> {
    return update(name, (stored) => {
      const done = withTerminating(stored, "False", outcome);
      const finalizers = (done.metadata.finalizers ?? []).filter((each) => each !== cleanupFinalizer);
      const { finalizers: _, ...metadata } = done.metadata;
      return { ...done, metadata: finalizers.length === 0 ? metadata : { ...metadata, finalizers } };
    });
  }

  async function update(name: string, change: (stored: Definition) => Definition): Promise<void> {
    await storage.write(definitionsPrefix + name, (current): Write => {
      if (current === undefined) return { type: "none" };
      const next = change(parseStored(current.value) as Definition);
      const gone = next.metadata.deletionTimestamp !== undefined && next.metadata.finalizers === undefined;
      return gone ? removeDefinition(next) : encodeDefinition(next);
    });
  }

  function withTerminating(definition: Definition, status: "True" | "False", outcome: Outcome): Definition {
    const condition: Omit<Condition, "lastTransitionTime"> = { type: "Terminating", status, ...outcome };
    const conditions = withCondition(definition.status?.conditions ?? [], condition, formatTime(clock.now()));
    return { ...definition, status: { ...definition.status, conditions } };
  }

  return {
    consider(definition) {
      const { name = "", deletionTimestamp, finalizers } = definition.metadata;
      if (deletionTimestamp === undefined || !finalizers?.includes(cleanupFinalizer) || begun.has(name)) return;
      begun.add(name);
      run(() => begin(definition));
    },
    forget(name) {
      begun.delete(name);
    },
    instanceDeleted(key) {
      for (const prefix of waiting.keys()) if (key.startsWith(prefix)) run(() => finishWhenEmpty(prefix));
    },
    get busy() {
      return running.size > 0;
    },
    async settled() {
      await Promise.all(running);
    },
    stop() {
      stopped = true;
    },
  };
}

interface Outcome {
  reason: string;
  message: string;
}

const background: DeleteOptions = {
  gracePeriodSeconds: undefined,
  preconditions: undefined,
  orphanDependents: undefined,
  propagationPolicy: undefined,
  dryRun: false,
  object: {},
};
