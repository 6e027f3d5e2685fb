import {
  type FieldError,
  type FieldSelector,
  fieldError,
  type LabelSelector,
  parseFieldSelector,
  parseLabelSelector,
  status,
} from "@podwright/kube";

/** The query of list, watch and deletecollection (k8s.io/apimachinery/pkg/apis/meta/internalversion, ListOptions). */
export interface ListOptions {
  labelSelector: LabelSelector | undefined;
  fieldSelector: FieldSelector | undefined;
  watch: boolean;
  allowWatchBookmarks: boolean;
  /** As sent: "" for none. */
  resourceVersion: string;
  resourceVersionMatch: "" | "Exact" | "NotOlderThan";
  timeoutSeconds: number | undefined;
  /** 0: no limit. */
  limit: number;
  continue: string;
  sendInitialEvents: boolean | undefined;
}

const none: ListOptions = {
  labelSelector: undefined,
  fieldSelector: undefined,
  watch: false,
  allowWatchBookmarks: false,
  resourceVersion: "",
  resourceVersionMatch: "",
  timeoutSeconds: undefined,
  limit: 0,
  continue: "",
  sendInitialEvents: undefined,
};

/** Reads and checks the query; `watch` when the path asks for one. Throws 400 and 422 Statuses. */
export function parseListOptions(query: URLSearchParams, watchPrefix: boolean): ListOptions {
  if (query.size === 0 && !watchPrefix) return none;
  const watch = watchPrefix || parseBoolean(query.get("watch")) === true;
  const options: ListOptions = {
    labelSelector: parseSelector(query.get("labelSelector"), parseLabelSelector),
    fieldSelector: parseSelector(query.get("fieldSelector"), parseFieldSelector),
    watch,
    allowWatchBookmarks: parseBoolean(query.get("allowWatchBookmarks")) === true,
    resourceVersion: query.get("resourceVersion") ?? "",
    resourceVersionMatch: (query.get("resourceVersionMatch") ?? "") as ListOptions["resourceVersionMatch"],
    timeoutSeconds: parseInteger(query.get("timeoutSeconds")),
    limit: Math.max(0, parseInteger(query.get("limit")) ?? 0),
    continue: query.get("continue") ?? "",
    sendInitialEvents: parseBoolean(query.get("sendInitialEvents")),
  };
  setWatchDefaults(options);
  const errors = watch ? validateWatch(options) : validateList(options);
  if (errors.length > 0) throw status.invalid({ group: "meta.k8s.io", kind: "ListOptions" }, "", errors);
  return options;
}

/** A watch from no version in particular begins with what there is (internalversion/defaults.go). */
function setWatchDefaults(options: ListOptions): void {
  if (options.sendInitialEvents !== undefined || options.resourceVersionMatch !== "") return;
  if (options.watch && (options.resourceVersion === "" || options.resourceVersion === "0")) {
    options.sendInitialEvents = true;
    options.resourceVersionMatch = "NotOlderThan";
  }
}

/** internalversion/validation/validation.go, ValidateListOptions. */
function validateList(options: ListOptions): FieldError[] {
  const errors: FieldError[] = [];
  const match = options.resourceVersionMatch;
  const path = "resourceVersionMatch";
  if (match !== "") {
    if (options.resourceVersion === "") {
      errors.push(fieldError.forbidden(path, `${path} is forbidden unless resourceVersion is provided`));
    }
    if (options.continue !== "") {
      errors.push(fieldError.forbidden(path, `${path} is forbidden when continue is provided`));
    }
    if (match !== "Exact" && match !== "NotOlderThan") {
      errors.push(fieldError.notSupported(path, match, ["Exact", "NotOlderThan", ""]));
    }
    if (match === "Exact" && options.resourceVersion === "0") {
      errors.push(fieldError.forbidden(path, `${path} "exact" is forbidden for resourceVersion "0"`));
    }
  }
  if (options.sendInitialEvents !== undefined) {
    errors.push(fieldError.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
  }
  return errors;
}

/** The same file, validateWatchOptions. */
function validateWatch(options: ListOptions): FieldError[] {
  const errors: FieldError[] = [];
  const match = options.resourceVersionMatch;
  const path = "resourceVersionMatch";
  if (options.sendInitialEvents !== undefined && match !== "NotOlderThan") {
    errors.push(fieldError.forbidden(path, `sendInitialEvents requires setting ${path} to NotOlderThan`));
  }
  if (match !== "") {
    if (options.sendInitialEvents === undefined) {
      errors.push(fieldError.forbidden(path, `${path} is forbidden for watch unless sendInitialEvents is provided`));
    }
    if (match !== "NotOlderThan") errors.push(fieldError.notSupported(path, match, ["NotOlderThan"]));
    if (options.continue !== "") {
      errors.push(fieldError.forbidden(path, `${path} is forbidden when continue is provided`));
    }
  }
  return errors;
}

function parseSelector<T>(text: string | null, parse: (text: string) => T): T | undefined {
  if (text === null || text === "") return undefined;
  try {
    return parse(text);
  } catch (error) {
    throw status.badRequest((error as Error).message);
  }
}

/** Anything but "false" and "0" is true, as Go's decoding of query parameters has it. */
export function parseBoolean(text: string | null): boolean | undefined {
  if (text === null) return undefined;
  const value = text.toLowerCase();
  return value !== "false" && value !== "0";
}

export function parseInteger(text: string | null): number | undefined {
  if (text === null) return undefined;
  if (!/^[-+]?\d{1,18}$/.test(text)) {
    const problem = /^[-+]?\d+$/.test(text) ? "value out of range" : "invalid syntax";
    throw status.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: ${problem}`);
  }
  return Number(text);
}

/** A resourceVersion as a revision. */
export function parseRevision(text: string): number | undefined {
  return /^\d{1,16}$/.test(text) ? Number(text) : undefined;
}
