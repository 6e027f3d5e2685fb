import type { JsonObject, StructFacts } from "@podwright/kube";

/** A query or path parameter as OpenAPI has it. */
export type Parameter = JsonObject & { name: string; in: "query" | "path" };

function query(name: string, type: "string" | "boolean" | "integer", description: string): Parameter {
  return { name, in: "query", description, schema: { type, uniqueItems: true } };
}

export function pathParameter(name: string, description: string): Parameter {
  return { name, in: "path", description, required: true, schema: { type: "string", uniqueItems: true } };
}

export const pretty: Parameter = query("pretty", "string", "If true, the answer is indented.");

const selection: readonly Parameter[] = [
  query("continue", "string", "Where the last page ended, as that page said."),
  query("fieldSelector", "string", "Selects objects by their fields. Default: all."),
  query("labelSelector", "string", "Selects objects by their labels. Default: all."),
  query("limit", "integer", "The most objects to answer at once. When there are more, the answer says where to go on."),
  query("resourceVersion", "string", "Which state may be answered: unset for the newest, 0 for any."),
  query("resourceVersionMatch", "string", "How resourceVersion is meant: Exact or NotOlderThan."),
  query("sendInitialEvents", "boolean", "A watch begins with the objects there are, and says when they are all sent."),
  query("timeoutSeconds", "integer", "Ends the call after so long."),
];

/** Of list operations, and of watches. */
export const listParameters: readonly Parameter[] = [
  query("allowWatchBookmarks", "boolean", "A watch may send bookmarks, which carry a newer resourceVersion."),
  ...selection,
  query("watch", "boolean", "Answers with a stream of changes."),
];

const dryRun = query("dryRun", "string", "With All, everything is done but nothing is kept.");

/** Of create and update. */
export const writeParameters: readonly Parameter[] = [
  dryRun,
  query("fieldManager", "string", "Who makes the change: at most 128 printable characters."),
  query(
    "fieldValidation",
    "string",
    "What to do about unknown and duplicate fields: Ignore, Warn or Strict. Default: Warn.",
  ),
];

export const patchParameters: readonly Parameter[] = [
  ...writeParameters,
  query("force", "boolean", "An apply takes fields from their other managers."),
];

const deletion: readonly Parameter[] = [
  dryRun,
  query("gracePeriodSeconds", "integer", "How long the object may take to end; 0 deletes it at once."),
  query(
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "boolean",
    "Deletes an object that cannot be read any more.",
  ),
  query("orphanDependents", "boolean", "Keeps what the object owns. Use propagationPolicy instead."),
  query("propagationPolicy", "string", "What becomes of what the object owns: Orphan, Background or Foreground."),
];
export const deleteParameters: readonly Parameter[] = deletion;
export const deleteCollectionParameters: readonly Parameter[] = [...deletion, ...selection];

export const resourceVersion: Parameter = query("resourceVersion", "string", "Which state may be answered.");

/** The fields of an options struct (PodExecOptions) as query parameters. */
export function optionsParameters(
  options: StructFacts | undefined,
  descriptions: Readonly<Record<string, string>>,
): Parameter[] {
  const parameters: Parameter[] = [];
  for (const field of options?.jsonFields.values() ?? []) {
    if (field.name === "kind" || field.name === "apiVersion" || field.name === "sinceTime") continue;
    const type = field.type.type === "list" ? field.type.element : field.type;
    const scalar = type.type === "scalar" ? type.scalar : "string";
    const json = scalar === "bool" ? "boolean" : scalar === "string" ? "string" : "integer";
    parameters.push(query(field.name, json, descriptions[field.name] ?? ""));
  }
  return parameters;
}

export function sortParameters(parameters: Iterable<Parameter>): Parameter[] {
  return [...parameters].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.in < b.in ? -1 : 1));
}
