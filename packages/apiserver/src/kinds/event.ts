import { type FieldError, fieldError, isDns1123Subdomain, isQualifiedName, type KubeObject } from "@podwright/kube";
import { column, wideColumn } from "../resources/columns.ts";
import { ageOf } from "../resources/human-duration.ts";
import type { TableConvertor } from "../resources/resource.ts";
import { type Errors, invalid } from "./field-checks.ts";
import type { NativeKind, Struct } from "./kind.ts";

/*
 * Events are kept as core/v1 has them. events.k8s.io/v1 is another form of the same objects
 * (k8s.io/kubernetes/pkg/apis/events/v1/conversion.go).
 */

const eventTable: TableConvertor = {
  columns: [
    column("Last Seen", "The time since it happened last."),
    column("Type", "Normal or Warning."),
    column("Reason", "What happened, in one word."),
    column("Object", "What it happened to."),
    wideColumn("Subobject", "The part it happened to."),
    wideColumn("Source", "Who says so."),
    column("Message", "What happened."),
    wideColumn("First Seen", "The time since it happened first."),
    wideColumn("Count", "How often it happened."),
    { ...wideColumn("Name", "The event's name."), format: "name" },
  ],
  cells(event, nowMs) {
    const involved = event["involvedObject"] ?? event["regarding"] ?? {};
    const firstTimestamp = event["firstTimestamp"] ?? event["deprecatedFirstTimestamp"];
    const lastTimestamp = event["lastTimestamp"] ?? event["deprecatedLastTimestamp"];
    const source = event["source"] ?? event["deprecatedSource"] ?? {};
    const component = source.component || event["reportingComponent"] || event["reportingController"] || "";
    const instance = source.host || event["reportingInstance"] || "";
    const firstSeen = ageOf(firstTimestamp ?? event["eventTime"], nowMs);
    const kind = (involved.kind ?? "").toLowerCase();
    return [
      event["series"]
        ? ageOf(event["series"].lastObservedTime, nowMs)
        : lastTimestamp
          ? ageOf(lastTimestamp, nowMs)
          : firstSeen,
      event["type"] ?? "",
      event["reason"] ?? "",
      involved.name ? `${kind}/${involved.name}` : kind,
      involved.fieldPath ?? "",
      instance ? `${component}, ${instance}` : component,
      (event["message"] ?? event["note"] ?? "").trim(),
      firstSeen,
      event["series"]?.count ?? (event["count"] || event["deprecatedCount"] || 1),
      event.metadata.name ?? "",
    ];
  },
};

const coreFields = selectableFields("involvedObject", "reportingComponent", "source");
const fields = selectableFields("regarding", "reportingController");

/** The selectable fields under the names they have in core/v1 or in events.k8s.io/v1. */
function selectableFields(involved: string, controller: string, source?: string) {
  const reporter = (event: KubeObject) => event["reportingComponent"] || event["reportingController"];
  const fields: Record<string, (event: KubeObject) => string | undefined> = {
    reason: (event) => event["reason"],
    type: (event) => event["type"],
    [controller]: reporter,
  };
  for (const part of ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"]) {
    fields[`${involved}.${part}`] = (event) => (event["involvedObject"] ?? event["regarding"])?.[part];
  }
  if (source !== undefined) {
    fields[source] = (event) => (event["source"] ?? event["deprecatedSource"])?.component || reporter(event);
  }
  return fields;
}

export const coreEvent: NativeKind = {
  validate: (object) => validateEvent(object, "reportingComponent"),
  allowCreateOnUpdate: true,
  // Whichever version an event is written in, it can be selected in both.
  selectableFields: { ...coreFields, ...fields },
  selectableFieldNames: Object.keys(coreFields),
  table: eventTable,
};

export const event: NativeKind = {
  validate(object) {
    const errors = validateEvent(object, "reportingController");
    newEvent(errors, object);
    return errors;
  },
  validateUpdate: (object) => validateEvent(object, "reportingController"),
  allowCreateOnUpdate: true,
  selectableFields: { ...coreFields, ...fields },
  selectableFieldNames: Object.keys(fields),
  table: eventTable,
  storage: { group: "", plural: "events" },
  conversion: {
    toStorage: (object) => ({ ...coreZero, ...renamed(object, "v1", toCore) }),
    fromStorage(object) {
      const event = renamed(object, "events.k8s.io/v1", fromCore);
      for (const field of ["reportingController", "reportingInstance"]) if (event[field] === "") delete event[field];
      return event;
    },
  },
};

/** What core/v1 writes even when it is empty. */
const coreZero = {
  involvedObject: {},
  source: {},
  firstTimestamp: null,
  lastTimestamp: null,
  eventTime: null,
  reportingComponent: "",
  reportingInstance: "",
};

/** Fields of events.k8s.io/v1 that core/v1 has under another name. */
const toCore: Readonly<Record<string, string>> = {
  regarding: "involvedObject",
  note: "message",
  reportingController: "reportingComponent",
  deprecatedSource: "source",
  deprecatedFirstTimestamp: "firstTimestamp",
  deprecatedLastTimestamp: "lastTimestamp",
  deprecatedCount: "count",
};
const fromCore: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(toCore).map(([name, coreName]) => [coreName, name]),
);

function renamed(object: KubeObject, apiVersion: string, names: Readonly<Record<string, string>>): KubeObject {
  const result: Struct = {};
  for (const [field, value] of Object.entries(object)) result[names[field] ?? field] = value;
  return { ...result, apiVersion, kind: object.kind, metadata: object.metadata };
}

const maxInstance = 128;
const maxNote = 1024;

/** Of both versions; errors name the fields as upstream's internal version has them. */
function validateEvent(object: KubeObject, controllerField: string): FieldError[] {
  const errors: Errors = [];
  const namespace = object.metadata.namespace ?? "";
  const involved: Struct = object["involvedObject"] ?? object["regarding"] ?? {};
  const involvedNamespace: string = involved["namespace"] ?? "";
  const mismatch = () => {
    const detail = "does not match event.namespace";
    errors.push(fieldError.invalid("involvedObject.namespace", involvedNamespace, detail));
  };
  if (!object["eventTime"]) {
    const allowed = involvedNamespace === "" ? ["", "default"] : [involvedNamespace];
    if (!allowed.includes(namespace)) mismatch();
  } else {
    if (involvedNamespace === "" && namespace !== "default" && namespace !== "kube-system") mismatch();
    const controller: string = object["reportingComponent"] ?? object["reportingController"] ?? "";
    if (controller === "") errors.push(fieldError.required(controllerField));
    invalid(errors, controllerField, controller, isQualifiedName(controller));
    const text = (field: string, value: string | undefined, max: number, needed: boolean) => {
      if (needed && !value) errors.push(fieldError.required(field));
      if ((value?.length ?? 0) > max) errors.push(fieldError.invalid(field, "", `can have at most ${max} characters`));
    };
    text("reportingInstance", object["reportingInstance"], maxInstance, true);
    text("action", object["action"], maxInstance, true);
    text("reason", object["reason"], maxInstance, true);
    text("message", object["message"] ?? object["note"], maxNote, false);
  }
  invalid(errors, "namespace", namespace, isDns1123Subdomain(namespace));
  return errors;
}

/** events.k8s.io/v1 is strict about new events, and knows the old fields for old ones only. */
function newEvent(errors: Errors, object: KubeObject): void {
  const { series, type = "" } = object;
  if (series !== undefined && (series.count ?? 0) < 2) {
    errors.push(fieldError.invalid("series.count", "", "should be at least 2"));
  }
  if (series !== undefined && !series.lastObservedTime) errors.push(fieldError.required("series.lastObservedTime"));
  if (!object["eventTime"]) errors.push(fieldError.required("eventTime"));
  if (type !== "Normal" && type !== "Warning") {
    errors.push(fieldError.invalid("type", "", `has invalid value: ${type}`));
  }
  for (const [field, old] of [
    ["firstTimestamp", object["deprecatedFirstTimestamp"]],
    ["lastTimestamp", object["deprecatedLastTimestamp"]],
    ["count", object["deprecatedCount"]],
    ["source", object["deprecatedSource"]?.component || object["deprecatedSource"]?.host],
  ]) {
    if (old) errors.push(fieldError.invalid(field, "", "needs to be unset"));
  }
}
