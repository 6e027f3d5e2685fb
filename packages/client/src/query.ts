import type { HeldObjects } from "./transport.ts";

/** Which objects a list, a watch or a deletion of many is about. */
export interface Selection {
  /** All namespaces when absent. */
  namespace?: string;
  /** "app=web,tier in (a,b)". */
  labelSelector?: string;
  /** "spec.nodeName=n1". */
  fieldSelector?: string;
}

export interface ListOptions extends Selection {
  /** At most so many items; the answer's metadata.continue then leads to the rest. */
  limit?: number;
  continue?: string;
  resourceVersion?: string;
  resourceVersionMatch?: "Exact" | "NotOlderThan";
  signal?: AbortSignal;
}

export interface WatchOptions extends Selection {
  /** Events after this version; when absent, everything there is comes first as ADDED. */
  resourceVersion?: string;
  resourceVersionMatch?: "NotOlderThan";
  allowWatchBookmarks?: boolean;
  sendInitialEvents?: boolean;
  timeoutSeconds?: number;
  /** false: nobody looks at metadata.managedFields, which may be there or not then. Default true. */
  managedFields?: boolean;
  held?: HeldObjects | undefined;
  signal?: AbortSignal;
}

export interface WriteOptions {
  /** Everything but the storing. */
  dryRun?: boolean;
  fieldManager?: string;
  fieldValidation?: "Strict" | "Warn" | "Ignore";
  signal?: AbortSignal;
}

export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: "Orphan" | "Background" | "Foreground";
  /** The deletion is refused with a conflict when these do not hold. */
  preconditions?: { uid?: string; resourceVersion?: string };
  dryRun?: boolean;
  signal?: AbortSignal;
}

/** "?a=1&b=2", or "" when every value is undefined. */
export function queryString(values: Record<string, string | number | boolean | undefined>): string {
  let query = "";
  for (const name in values) {
    const value = values[name];
    if (value === undefined) continue;
    query += `${query === "" ? "?" : "&"}${name}=${typeof value === "string" ? encodeURIComponent(value) : value}`;
  }
  return query;
}

export function listQuery(options: ListOptions): string {
  return queryString({
    labelSelector: options.labelSelector || undefined,
    fieldSelector: options.fieldSelector || undefined,
    limit: options.limit,
    continue: options.continue || undefined,
    resourceVersion: options.resourceVersion,
    resourceVersionMatch: options.resourceVersionMatch,
  });
}

export function watchQuery(options: WatchOptions): string {
  return queryString({
    watch: 1,
    labelSelector: options.labelSelector || undefined,
    fieldSelector: options.fieldSelector || undefined,
    resourceVersion: options.resourceVersion,
    resourceVersionMatch: options.resourceVersionMatch,
    allowWatchBookmarks: options.allowWatchBookmarks,
    sendInitialEvents: options.sendInitialEvents,
    timeoutSeconds: options.timeoutSeconds,
  });
}
