import type { Clock } from "@podwright/clock";
import {
  ApplyConflict,
  ApplySchemaError,
  applyUpdate,
  FieldSet,
  formatTime,
  isJsonObject,
  type JsonObject,
  type KubeObject,
  type ManagedSet,
  type Managers,
  parseApiVersion,
  recordUpdate,
  status,
  validateApplied,
} from "@podwright/kube";
import { plainError } from "../output/plain-error.ts";
import { type Conversions, UnansweredConversion } from "../resources/conversion.ts";
import { applyConflictStatus } from "./apply-conflict.ts";
import { capUpdaters } from "./cap-managers.ts";
import { conflictsWithoutLastApplied, kubectlManager, withLastApplied } from "./last-applied.ts";
import {
  encodeManagedFields,
  liveManagedFields,
  type ManagedFields,
  managedFieldsBefore,
  managerId,
  nobody,
  setEntries,
  withoutEntries,
} from "./managed-fields.ts";
import type { ManagedKind } from "./managed-kind.ts";

/** A configuration applied by a manager. */
export interface Application {
  manager: string;
  /** Takes over what others manage. */
  force: boolean;
  config: JsonObject;
  /** From merged JSON to the kind's canonical object with its defaults. Throws an Error with upstream's text. */
  decode(merged: JsonObject): KubeObject;
  conversions: Conversions;
}

/**
 * Keeps metadata.managedFields of one kind, or of one of its subresources: who set which field last
 * (k8s.io/apimachinery/pkg/util/managedfields/internal; the steps are upstream's stack of managers).
 */
export class FieldManager {
  readonly #kind: ManagedKind;
  readonly #clock: Pick<Clock, "now">;

  constructor(kind: ManagedKind, clock: Pick<Clock, "now">) {
    this.#kind = kind;
    this.#clock = clock;
  }

  /**
   * Sees a create, an update or a patch: sets managedFields of the next object, which is the caller's own.
   *
   * @param live the object as it is, undefined when it is new
   */
  update(live: KubeObject | undefined, next: KubeObject, manager: string, conversions: Conversions): void {
    const { managed, fromLive } = managedFieldsBefore(live, next, this.#kind.subresource === "");
    const entries = live?.metadata.managedFields;
    const given = next.metadata.managedFields;
    setEntries(next, undefined);
    // Nobody is tracked: it stays so until somebody applies.
    if (live !== undefined && managed.managers.size === 0) return;
    let after: ManagedFields;
    try {
      after = this.#record(live, next, managed, manager, conversions);
    } catch (error) {
      if (error instanceof UnansweredConversion) {
        setEntries(next, given);
        throw error;
      }
      // As upstream: a write does not fail for its bookkeeping.
      return;
    }
    setEntries(next, fromLive && after === managed ? entries : encodeManagedFields(after));
  }

  /**
   * Merges a configuration into the live object, undefined to create it. Gives a new object; nothing is changed.
   * Throws 400, 409 and 500 Statuses.
   */
  apply(live: KubeObject | undefined, application: Application): KubeObject {
    const { config, manager, conversions } = application;
    this.#checkConfig(config);
    let managed = liveManagedFields(live);
    if (live !== undefined && managed.managers.size === 0) {
      managed = this.#record(undefined, withoutEntries(live), nobody, "before-first-apply", conversions);
    }
    const { object, managed: after } = this.#applyUnlessDisputed(live, managed, application);
    const entries = encodeManagedFields(after);
    const result = manager === kubectlManager ? withLastApplied(object, config) : object;
    const { managedFields: _, ...metadata } = result.metadata;
    return { ...result, metadata: { ...metadata, ...(entries !== undefined && { managedFields: entries }) } };
  }

  #checkConfig(config: JsonObject): void {
    const { group, version, kind, apiVersion } = this.#kind;
    const given = parseApiVersion(typeof config["apiVersion"] === "string" ? config["apiVersion"] : "");
    const givenKind = typeof config["kind"] === "string" ? config["kind"] : "";
    if (given.group !== group || given.version !== version || givenKind !== kind) {
      throw status.badRequest(`invalid object type: ${given.group}/${given.version}, Kind=${givenKind}`);
    }
    const metadata = isJsonObject(config["metadata"]) ? config["metadata"] : {};
    if (Array.isArray(metadata["managedFields"])) throw status.badRequest("metadata.managedFields must be nil");
    const schema = this.#kind.schemaOf(apiVersion);
    if (schema === undefined) throw status.internalError(`${kind} has no schema`);
    try {
      validateApplied(config, schema);
    } catch (error) {
      if (!(error instanceof ApplySchemaError)) throw error;
      throw plainError(`failed to create typed patch object (${this.#describe(config)}): ${error.message}`);
    }
  }

  /** "NAMESPACE/NAME; GROUP/VERSION, Kind=KIND", as Go prints them. */
  #describe(object: JsonObject): string {
    const { namespace, name } = (isJsonObject(object["metadata"]) ? object["metadata"] : {}) as Record<string, unknown>;
    const text = (value: unknown) => (typeof value === "string" ? value : "");
    return `${text(namespace)}/${text(name)}; ${this.#kindText()}`;
  }

  #kindText(): string {
    const { group, version, kind } = this.#kind;
    return `${group}/${version}, Kind=${kind}`;
  }

  /** What kubectl has applied client-side is no conflict of its own. */
  #applyUnlessDisputed(
    live: KubeObject | undefined,
    managed: ManagedFields,
    application: Application,
  ): { object: KubeObject; managed: ManagedFields } {
    try {
      return this.#merge(live, managed, application);
    } catch (error) {
      if (!(error instanceof ApplyConflict)) throw error;
      const schema = this.#kind.schemaOf(this.#kind.apiVersion);
      const left =
        application.manager === kubectlManager && live !== undefined && schema !== undefined
          ? conflictsWithoutLastApplied(error.conflicts, withoutEntries(live), schema)
          : undefined;
      if (left?.length !== 0) throw applyConflictStatus(left ?? error.conflicts);
      return this.#merge(live, managed, { ...application, force: true });
    }
  }

  #merge(
    live: KubeObject | undefined,
    managed: ManagedFields,
    { config, manager, force, decode, conversions }: Application,
  ): { object: KubeObject; managed: ManagedFields } {
    const { apiVersion, subresource } = this.#kind;
    const id = managerId({ manager, operation: "Apply", subresource });
    const current = live === undefined ? this.#kind.empty : (withoutEntries(live) as unknown as JsonObject);
    let merged: { object?: JsonObject; managers: Managers };
    try {
      merged = applyUpdate({ ...this.#context(managed, id, conversions), live: current, config, force });
    } catch (error) {
      throw error instanceof ApplySchemaError ? plainError(error.message) : error;
    }
    const managers = withoutSystemFields(merged.managers, id);
    if (merged.object === undefined) {
      const object = live === undefined ? decode(structuredClone(current)) : withoutEntries(live);
      return { object, managed: { ...managed, managers } };
    }
    const times = new Map(managed.times).set(id, formatTime(this.#clock.now()));
    try {
      return { object: decode({ ...merged.object, apiVersion }), managed: { ...managed, managers, times } };
    } catch (error) {
      const why = `to proper version: unable to convert unstructured object to ${this.#kindText()}: ${(error as Error).message}`;
      throw plainError(`failed to convert new object (${this.#describe(config)}) ${why}`);
    }
  }

  /** Gives what it was given when the write touches nothing that is managed. */
  #record(
    live: KubeObject | undefined,
    next: KubeObject,
    managed: ManagedFields,
    name: string,
    conversions: Conversions,
  ): ManagedFields {
    const { apiVersion, subresource, empty } = this.#kind;
    const id = managerId({ manager: name, operation: "Update", apiVersion, subresource });
    const before = live === undefined ? empty : (withoutEntries(live) as unknown as JsonObject);
    const after = this.#kind.canonical(next) as unknown as JsonObject;
    const recorded = recordUpdate({
      ...this.#context(managed, thisWrite, conversions),
      joins: id,
      live: before,
      next: withParts(after, before, this.#kind.ignoredParts),
    });
    if (recorded === managed.managers) return managed;
    const managers = withoutSystemFields(recorded, thisWrite);
    const times = new Map(managed.times);
    const own = managers.get(thisWrite);
    if (own !== undefined) {
      const previous = managers.get(id);
      managers.delete(thisWrite);
      managers.set(id, previous === undefined ? own : { ...own, set: previous.set.union(own.set) });
      times.set(id, formatTime(this.#clock.now()));
    }
    capUpdaters(managers, times);
    return { ...managed, managers, times };
  }

  #context({ managers }: ManagedFields, manager: string, conversions: Conversions) {
    const { apiVersion: version, schemaOf, ignore } = this.#kind;
    const convert = (object: JsonObject, from: string, to: string) => this.#kind.convert(object, from, to, conversions);
    return { version, managers, manager, schemaOf, convert, ignore };
  }
}

/** The manager of a write until it shows whether it has changed anything. */
const thisWrite = "current-operation";

/** What the server sets, or what names the object: nobody's (internal/stripmeta.go). */
const systemFields = FieldSet.ofPaths(
  "apiVersion",
  "kind",
  "metadata",
  ...[
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
  ].map((field) => `metadata.${field}`),
);

/** The object with these fields as the other has them, so that nobody compares them. */
function withParts(object: JsonObject, other: JsonObject, parts: readonly string[]): JsonObject {
  let out: JsonObject | undefined;
  for (const part of parts) {
    if (object[part] === other[part]) continue;
    out ??= { ...object };
    if (other[part] === undefined) delete out[part];
    else out[part] = other[part];
  }
  return out ?? object;
}

function withoutSystemFields(managers: Managers, id: string): Map<string, ManagedSet> {
  const kept = new Map(managers);
  const own = kept.get(id);
  if (own === undefined) return kept;
  const set = own.set.difference(systemFields);
  if (set.isEmpty()) kept.delete(id);
  else if (set !== own.set) kept.set(id, { ...own, set });
  return kept;
}
