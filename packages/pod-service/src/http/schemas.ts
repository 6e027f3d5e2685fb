import type { XStatic } from "typebox/schema";
import { phases } from "../runs/run.ts";
import { tenantIdPattern } from "../tenants/tenant.ts";

// Plain JSON Schema, and their types from them: TypeBox's builder is 11 MB resident.

const tenant = {
  type: "string",
  pattern: tenantIdPattern,
  description: "The tenant's id. May be left out with a bearer token of a tenant of the cluster.",
  examples: ["acme"],
} as const;
const name = {
  type: "string",
  minLength: 1,
  maxLength: 253,
  pattern: "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
  description: "The run's name.",
} as const;
const fields = {
  type: "string",
  maxLength: 1000,
  pattern: "^[A-Za-z0-9_]+(\\.[A-Za-z0-9_]+)*(,[A-Za-z0-9_]+(\\.[A-Za-z0-9_]+)*)*$",
  description: "Only these members, by their paths, separated with commas.",
} as const;
const wait = {
  type: "string",
  enum: ["created", "running", "completed"],
  description: "Answer when the run has come so far.",
} as const;
const timeout = {
  type: "number",
  minimum: 0,
  maximum: 300,
  description: "Seconds to wait at most. Default 30.",
} as const;

/** The body of POST /pods. */
export const podRequest = {
  type: "object",
  properties: {
    tenant,
    cmd: {
      type: "string",
      maxLength: 131_072,
      description: "What the container is to do; one argument of it.",
      examples: ["echo hello"],
    },
    vols: {
      type: "array",
      maxItems: 50,
      description: "Claims to mount.",
      items: {
        type: "object",
        required: ["pvc", "mount"],
        properties: {
          pvc: {
            type: "string",
            minLength: 1,
            maxLength: 253,
            description: "The claim's name.",
            examples: ["results"],
          },
          mount: {
            type: "string",
            minLength: 1,
            maxLength: 4096,
            description: "Where, an absolute path.",
            examples: ["/results"],
          },
          subpath: {
            type: ["string", "null"],
            maxLength: 4096,
            description: "A path within the volume.",
            examples: ["2026/01"],
          },
        },
      },
    },
    template: {
      type: "string",
      minLength: 1,
      maxLength: 253,
      description: 'A template of the tenant; default "pod", or the only one.',
      examples: ["pod"],
    },
    params: {
      type: "object",
      maxProperties: 100,
      additionalProperties: { type: ["string", "number", "boolean"] },
      description: "Values of the template's parameters.",
    },
  },
} as const;
export type PodRequest = XStatic<typeof podRequest>;

export const createQuery = { type: "object", properties: { wait, timeout } } as const;
export type CreateQuery = XStatic<typeof createQuery>;

export const listQuery = {
  type: "object",
  properties: {
    tenant,
    name: { ...name, description: "Gives the one run of this name instead of a list (upstream's way)." },
    state: {
      type: "string",
      maxLength: 200,
      pattern: "^[A-Za-z]+(,[A-Za-z]+)*$",
      description: `Only runs of these phases, separated with commas: ${phases.join(", ")}, or active, or finished.`,
    },
    template: { type: "string", maxLength: 253, description: "Only runs of this template." },
    limit: { type: "integer", minimum: 1, maximum: 500, description: "Runs a page. Default 100." },
    cursor: {
      type: "string",
      minLength: 1,
      maxLength: 600,
      description: "Where the page before ended, as it said in next.",
    },
    fields,
    wait,
    timeout,
  },
} as const;
export type ListQuery = XStatic<typeof listQuery>;

export const readQuery = { type: "object", properties: { tenant, fields, wait, timeout } } as const;
export type ReadQuery = XStatic<typeof readQuery>;

const grace = {
  type: "integer",
  minimum: 0,
  maximum: 86_400,
  description: "Seconds the pod has to end by itself.",
} as const;
export const deleteQuery = { type: "object", properties: { tenant, grace } } as const;
export type DeleteQuery = XStatic<typeof deleteQuery>;
export const deleteByNameQuery = { type: "object", required: ["name"], properties: { tenant, name, grace } } as const;
export type DeleteByNameQuery = XStatic<typeof deleteByNameQuery>;

export const logQuery = {
  type: "object",
  properties: {
    tenant,
    follow: { type: "boolean", description: "Goes on as the log grows." },
    tail: { type: "integer", minimum: 0, maximum: 1_000_000, description: "Only so many lines from the end." },
    since: {
      type: "string",
      maxLength: 40,
      description: 'Only what is newer: a time (RFC 3339), or seconds ago ("90").',
      examples: ["90"],
    },
    container: {
      type: "string",
      minLength: 1,
      maxLength: 63,
      pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
      description: "Default the first.",
      examples: ["main"],
    },
    previous: { type: "boolean", description: "Of the container before the last restart." },
    timestamps: { type: "boolean", description: "Each line begins with its time." },
  },
} as const;
export type LogQuery = XStatic<typeof logQuery>;

export const tenantQuery = { type: "object", properties: { tenant } } as const;
export type TenantQuery = XStatic<typeof tenantQuery>;

export const nameParams = { type: "object", required: ["name"], properties: { name } } as const;
export type NameParams = XStatic<typeof nameParams>;

const text = { type: "string" } as const;
const time = { type: "string", format: "date-time" } as const;

/** A run in answers. */
const runSchema = {
  type: "object",
  description: "What the service says of a run.",
  properties: {
    name: text,
    tenant: text,
    namespace: text,
    template: text,
    kind: { type: "string", enum: ["Pod", "Job"] },
    phase: { type: "string", enum: phases },
    position: { type: "integer", description: "Of those of the tenant that wait, from 1." },
    exitCode: { type: "integer" },
    reason: text,
    message: text,
    createdAt: time,
    startedAt: time,
    finishedAt: time,
    node: text,
    pod: text,
    uid: text,
  },
} as const;

export const podAnswer = {
  type: "object",
  description: "The Pod or the Job as the API server has it, and what the service says of it in run.",
  properties: {
    apiVersion: text,
    kind: text,
    metadata: { type: "object" },
    spec: { type: "object" },
    status: { type: "object" },
    run: runSchema,
  },
} as const;

/** The same, whole: no member was left out by fields. */
export const createdAnswer = {
  ...podAnswer,
  required: ["apiVersion", "kind", "metadata", "spec", "run"],
  properties: {
    ...podAnswer.properties,
    run: {
      ...runSchema,
      required: ["name", "tenant", "namespace", "template", "kind", "phase", "createdAt"],
    },
  },
} as const;

const eventStream = (events: readonly string[], data: string) =>
  ({
    type: "object",
    description: "One event; they come as server-sent events.",
    required: ["event", "data"],
    properties: {
      event: { type: "string", enum: events },
      id: { type: "string", description: "What a client that comes back says as Last-Event-ID." },
      data: { type: "string", description: data },
    },
  }) as const;

export const runEvent = eventStream(
  ["state", "cluster", "end"],
  "JSON: of state the run, of cluster what the cluster tells of its pod, of end nothing.",
);
export const logEvent = eventStream(["log", "end"], "Of log a line, of end nothing.");

export const listAnswer = {
  type: "object",
  properties: {
    items: { type: "array", items: runSchema },
    next: { type: "string", description: "The cursor of the next page; absent on the last." },
  },
} as const;

export const problemAnswer = {
  type: "object",
  description: "RFC 9457. error is what upstream's clients read.",
  required: ["type", "title", "status", "code", "detail", "error"],
  properties: {
    type: text,
    title: text,
    status: { type: "integer" },
    code: text,
    detail: text,
    error: text,
    instance: text,
    errors: {
      type: "array",
      items: {
        type: "object",
        required: ["field", "message"],
        properties: { field: text, message: text, reason: text },
      },
    },
  },
} as const;

export const templatesAnswer = {
  type: "object",
  properties: {
    items: {
      type: "array",
      items: {
        type: "object",
        properties: {
          name: text,
          kind: { type: "string", enum: ["Pod", "Job"] },
          takesCommand: { type: "boolean" },
          parameters: { type: "object", description: "JSON Schema of params." },
          error: { type: "string", description: "What is wrong with it." },
        },
      },
    },
  },
} as const;
