import { FieldSet, type JsonObject, jsonEqual, type KubeObject, type ManagedSet, type Managers } from "@podwright/kube";

/** Who manages which fields of an object, and since when: metadata.managedFields, decoded. */
export interface ManagedFields {
  managers: Managers;
  /** By manager; without one where upstream writes none. */
  times: ReadonlyMap<string, string>;
  /** The stored entries they came from, to be written as they are where nothing changes. */
  stored?: ReadonlyMap<string, StoredEntry>;
}

interface StoredEntry {
  set: FieldSet;
  entry: ManagedFieldsEntry;
}

export const nobody: ManagedFields = { managers: new Map(), times: new Map() };

/** An entry of metadata.managedFields. */
export interface ManagedFieldsEntry {
  manager?: string;
  operation?: string;
  apiVersion?: string;
  time?: string;
  fieldsType?: string;
  fieldsV1?: JsonObject;
  subresource?: string;
}

type Identity = Pick<ManagedFieldsEntry, "manager" | "operation" | "apiVersion" | "subresource">;

/** Appliers are the same manager whatever version they apply in (managedfields.go, BuildManagerIdentifier). */
export function managerId({ manager, operation, apiVersion, subresource }: Identity): string {
  return JSON.stringify({
    ...(manager && { manager }),
    ...(operation && { operation }),
    ...(apiVersion && operation !== "Apply" && { apiVersion }),
    ...(subresource && { subresource }),
  });
}

export function managerOf(id: string): Identity {
  return JSON.parse(id) as Identity;
}

/**
 * Decodes entries (k8s.io/apimachinery/pkg/util/managedfields/internal/managedfields.go, DecodeManagedFields).
 *
 * @param trusted the server wrote them: their field sets are not looked through
 * @throws {Error} with upstream's text for an entry that is none
 */
export function decodeManagedFields(entries: readonly JsonObject[] | undefined, trusted: boolean): ManagedFields {
  if (entries === undefined || entries.length === 0) return nobody;
  const managers = new Map<string, ManagedSet>();
  const times = new Map<string, string>();
  const stored = trusted ? new Map<string, StoredEntry>() : undefined;
  entries.forEach((entry: ManagedFieldsEntry, index) => {
    const { operation, apiVersion, fieldsType, fieldsV1 = {}, time } = entry;
    if (operation !== "Apply" && operation !== "Update") throw new Error("operation must be `Apply` or `Update`");
    if (!apiVersion) throw new Error("apiVersion must not be empty");
    if (!fieldsType) throw new Error(`missing fieldsType in managed fields entry ${index}`);
    if (fieldsType !== "FieldsV1") {
      throw new Error(`invalid fieldsType ${JSON.stringify(fieldsType)} in managed fields entry ${index}`);
    }
    const id = managerId(entry);
    const set = trusted ? FieldSet.fromStored(fieldsV1) : FieldSet.parse(fieldsV1);
    managers.set(id, { set, apiVersion, applied: operation === "Apply" });
    stored?.set(id, { set, entry });
    if (time) times.set(id, time);
  });
  return { managers, times, ...(stored !== undefined && { stored }) };
}

/** The entries, in upstream's order. Undefined when nobody manages anything. */
export function encodeManagedFields({ managers, times, stored }: ManagedFields): JsonObject[] | undefined {
  if (managers.size === 0) return undefined;
  const entries: ManagedFieldsEntry[] = [];
  for (const [id, { set, apiVersion, applied }] of managers) {
    const time = times.get(id);
    const before = stored?.get(id);
    if (before !== undefined && before.set === set && before.entry.apiVersion === apiVersion) {
      entries.push(time === before.entry.time || time === undefined ? before.entry : { ...before.entry, time });
      continue;
    }
    const { manager, operation, subresource } = managerOf(id);
    entries.push({
      ...(manager !== undefined && { manager }),
      operation: applied ? "Apply" : (operation ?? "Update"),
      apiVersion,
      ...(time !== undefined && { time }),
      fieldsType: "FieldsV1",
      fieldsV1: set.toJson(),
      ...(subresource !== undefined && { subresource }),
    });
  }
  return entries.sort(compareEntries) as JsonObject[];
}

/** Appliers first, then the oldest first (sortEncodedManagedFields). */
function compareEntries(a: ManagedFieldsEntry, b: ManagedFieldsEntry): number {
  return (
    compareTexts(a.operation, b.operation) ||
    secondsOf(a.time) - secondsOf(b.time) ||
    compareTexts(a.manager, b.manager) ||
    compareTexts(a.apiVersion, b.apiVersion) ||
    compareTexts(a.subresource, b.subresource)
  );
}

export function secondsOf(time: string | undefined): number {
  return time === undefined ? 0 : Math.floor(Date.parse(time) / 1000);
}

function compareTexts(a = "", b = ""): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A list that is there and empty, or has one empty entry, starts the tracking anew. */
function isReset(entries: readonly JsonObject[] | undefined): boolean {
  if (entries === undefined || entries === null) return false;
  return entries.length === 0 || (entries.length === 1 && Object.keys(entries[0] as JsonObject).length === 0);
}

/**
 * Who manages what before a write: what the request says, or the stored object where it says nothing or nothing that
 * can be read (fieldmanager.go, decodeLiveOrNew).
 *
 * @param ownAllowed may the request set managedFields? Not through a subresource
 */
export function managedFieldsBefore(
  live: KubeObject | undefined,
  next: KubeObject,
  ownAllowed: boolean,
): { managed: ManagedFields; fromLive: boolean } {
  const stored = live?.metadata.managedFields;
  const given = next.metadata.managedFields;
  if (ownAllowed && given !== undefined && given !== null && !sameEntries(given, stored)) {
    if (isReset(given)) return { managed: nobody, fromLive: false };
    try {
      const managed = decodeManagedFields(given, false);
      if (managed.managers.size > 0) return { managed, fromLive: false };
    } catch {
      // Clients that do not know managedFields must not lose them.
    }
  }
  return { managed: liveManagedFields(live), fromLive: true };
}

/** Of the stored object: what cannot be read is nobody's. */
export function liveManagedFields(live: KubeObject | undefined): ManagedFields {
  try {
    return decodeManagedFields(live?.metadata.managedFields, true);
  } catch {
    return nobody;
  }
}

function sameEntries(a: readonly JsonObject[], b: readonly JsonObject[] | undefined): boolean {
  if (b === undefined || a.length !== b.length) return false;
  return a === b || jsonEqual(a as JsonObject[], b as JsonObject[]);
}

/** The object without metadata.managedFields; the rest is shared. */
export function withoutEntries<T extends KubeObject>(object: T): T {
  if (object.metadata.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Changes the object. */
export function setEntries(object: KubeObject, entries: JsonObject[] | undefined): void {
  delete object.metadata.managedFields;
  if (entries !== undefined) object.metadata.managedFields = entries;
}

/**
 * Are the entries the same but for their times, of which one at least differs? Such a write may be one that changes
 * nothing (k8s.io/apiserver/pkg/endpoints/handlers/fieldmanager/equality.go).
 */
export function onlyTimesDiffer(a: readonly JsonObject[] = [], b: readonly JsonObject[] = []): boolean {
  if (a === b || a.length !== b.length || a.length === 0) return false;
  if (a.every((entry, index) => entry["time"] === b[index]?.["time"])) return false;
  return a.every((entry, index) => {
    const { time: _, ...rest } = entry;
    const { time: __, ...others } = b[index] as JsonObject;
    return jsonEqual(rest, others);
  });
}
