import fc from "fast-check";
import type { JsonObject, JsonValue } from "../object.ts";
import type { ApplySchema } from "./apply-schema.ts";
import { deducedApplySchema } from "./apply-schema.ts";
import { nativeApplySchema } from "./native-schema.ts";
import { structuralApplySchema } from "./structural-schema.ts";

/** Random objects and what several managers do with them, for tests against upstream's own implementation. */
export interface ApplyCase {
  /** Absent for native kinds; null for kinds of no known type. */
  schema?: JsonObject | null;
  /** What an object is compared with that is not there. */
  empty: JsonObject;
  steps: ApplyStep[];
}

export interface ApplyStep {
  apply: boolean;
  force: boolean;
  manager: string;
  object: JsonObject;
}

const structs: Readonly<Record<string, string>> = {
  Pod: "io.k8s.api.core.v1.Pod",
  Service: "io.k8s.api.core.v1.Service",
  Deployment: "io.k8s.api.apps.v1.Deployment",
};

/** What Go writes of new objects. */
const emptyFields: Readonly<Record<string, JsonObject>> = {
  Pod: { metadata: {}, spec: { containers: null }, status: {} },
  Service: { metadata: {}, spec: {}, status: { loadBalancer: {} } },
  Deployment: {
    metadata: {},
    spec: { selector: null, template: { metadata: {}, spec: { containers: null } }, strategy: {} },
    status: {},
  },
};

/** The type of the objects of a case. */
export function schemaOfCase({ schema, empty }: ApplyCase): ApplySchema {
  if (schema === null) return deducedApplySchema();
  return schema === undefined
    ? nativeApplySchema(structs[String(empty["kind"])] as string)
    : structuralApplySchema(schema);
}

const names = ["a", "b", "c", "d"] as const;
const name = fc.constantFrom(...names);
const text = fc.constantFrom("x", "y");
const integer = fc.integer({ min: 0, max: 2 });
const labels = fc.dictionary(name, text, { maxKeys: 3 });

function fields(model: Record<string, fc.Arbitrary<JsonValue>>): fc.Arbitrary<JsonObject> {
  return fc.record(model, { requiredKeys: [], noNullPrototype: true }) as fc.Arbitrary<JsonObject>;
}

/** Lists of maps with keys; one in many has two elements with the same. */
function listOf(
  keys: Record<string, fc.Arbitrary<JsonValue>>,
  rest: Record<string, fc.Arbitrary<JsonValue>>,
  optional: Record<string, fc.Arbitrary<JsonValue>> = {},
): fc.Arbitrary<JsonValue[]> {
  const element = fc
    .tuple(fc.record(keys, { noNullPrototype: true }), fields({ ...optional, ...rest }))
    .map(([key, others]): JsonValue => ({ ...key, ...others }) as JsonObject);
  const shown = (value: JsonValue): string =>
    JSON.stringify([...Object.keys(keys), ...Object.keys(optional)].map((key) => (value as JsonObject)[key] ?? null));
  const unique = fc.uniqueArray(element, { maxLength: 3, selector: shown });
  return fc.oneof({ arbitrary: unique, weight: 60 }, { arbitrary: fc.array(element, { maxLength: 4 }), weight: 1 });
}

const env = listOf({ name }, { value: text });
const ports = listOf({ containerPort: fc.constantFrom(80, 81) }, { name }, { protocol: fc.constantFrom("TCP", "UDP") });
const container = {
  image: text,
  args: fc.array(text, { maxLength: 2 }),
  env,
  ports,
  volumeMounts: listOf({ mountPath: fc.constantFrom("/a", "/b<c") }, { name, readOnly: fc.boolean() }),
  resources: fields({ limits: fc.dictionary(fc.constantFrom("cpu", "memory"), fc.constantFrom("1", "2Gi")) }),
  livenessProbe: fields({ httpGet: fields({ port: fc.oneof<fc.Arbitrary<JsonValue>[]>(integer, text), path: text }) }),
};
const podSpec = fields({
  containers: listOf({ name }, container),
  initContainers: listOf({ name }, container),
  volumes: listOf({ name }, { emptyDir: fields({ medium: text }), hostPath: fields({ path: text }) }),
  imagePullSecrets: listOf({ name }, {}),
  tolerations: listOf({ key: name }, { value: text }),
  topologySpreadConstraints: listOf({ topologyKey: name, whenUnsatisfiable: text }, { maxSkew: integer }),
  nodeSelector: labels,
  serviceAccountName: name,
  terminationGracePeriodSeconds: integer,
  securityContext: fields({ runAsUser: integer, supplementalGroups: fc.array(integer, { maxLength: 2 }) }),
  affinity: fields({ nodeAffinity: fields({}) }),
});
const metadata = fields({
  labels,
  annotations: labels,
  finalizers: fc.uniqueArray(name, { maxLength: 3 }),
  ownerReferences: listOf({ uid: name }, { kind: text, name: text }),
});
const pod = fields({ metadata, spec: podSpec, status: fields({ phase: text, podIPs: listOf({ ip: name }, {}) }) });
const deployment = fields({
  metadata,
  spec: fields({
    replicas: integer,
    strategy: fields({ type: text, rollingUpdate: fields({ maxSurge: integer }) }),
    selector: fields({ matchLabels: labels }),
    template: fields({ metadata, spec: podSpec }),
  }),
  status: fields({ conditions: listOf({ type: name }, { status: text }) }),
});
const service = fields({
  metadata,
  spec: fields({
    selector: labels,
    ports: listOf({ port: integer }, { name, targetPort: text }, { protocol: fc.constantFrom("TCP", "UDP") }),
    externalIPs: fc.array(text, { maxLength: 2 }),
  }),
});

const textSchema = { type: "string" };
const itemSchema = { type: "object", properties: { name: textSchema, value: textSchema, zone: textSchema } };
/** All that a schema can say on merging. */
const thingSchema: JsonObject = {
  type: "object",
  properties: {
    apiVersion: textSchema,
    kind: textSchema,
    metadata: {
      type: "object",
      properties: { name: textSchema, labels: { type: "object", additionalProperties: textSchema } },
    },
    spec: {
      type: "object",
      properties: {
        size: { type: "integer" },
        extent: { type: "integer" },
        set: { type: "array", items: textSchema, "x-kubernetes-list-type": "set" },
        plain: { type: "array", items: itemSchema },
        keyed: {
          type: "array",
          items: {
            ...itemSchema,
            properties: {
              ...itemSchema.properties,
              zone: { type: "string", default: "x" },
              inner: { type: "array", items: { type: "integer" }, "x-kubernetes-list-type": "set" },
            },
          },
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["zone", "name"],
        },
        whole: { ...itemSchema, "x-kubernetes-map-type": "atomic" },
        deep: { type: "object", properties: { deeper: { type: "object", properties: { deepest: itemSchema } } } },
        any: { type: "object", "x-kubernetes-preserve-unknown-fields": true, properties: { name: textSchema } },
        free: { type: "object" },
        port: { "x-kubernetes-int-or-string": true },
        map: { type: "object", additionalProperties: itemSchema },
      },
    },
  },
};

const json: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    integer,
    text,
    fc.boolean(),
    fc.constant(null),
    fc.dictionary(name, tie("value"), { maxKeys: 3 }),
    fc.array(tie("value"), { maxLength: 2 }),
  ),
})).value;
const item = { value: text };
const thing = fields({
  metadata: fields({ name, labels }),
  spec: fields({
    set: fc.oneof(
      { arbitrary: fc.uniqueArray(text, { maxLength: 3 }), weight: 20 },
      { arbitrary: fc.array(text, { maxLength: 3 }), weight: 1 },
    ),
    plain: fc.array(fields({ name, ...item }), { maxLength: 2 }),
    keyed: listOf({ name }, { ...item, inner: fc.uniqueArray(integer, { maxLength: 3 }) }, { zone: text }),
    whole: fields({ name, ...item }),
    deep: fields({ deeper: fields({ deepest: fields({ name, ...item }) }) }),
    any: fields({ name, other: json }),
    free: fields({ other: json, another: json }),
    port: fc.oneof<fc.Arbitrary<JsonValue>[]>(integer, text),
    map: fc.dictionary(name, fields({ name, ...item }), { maxKeys: 3 }),
    size: integer,
  }),
});
const untyped = fields({ spec: json, data: fc.dictionary(name, json, { maxKeys: 3 }) });

/** In version v2 spec.size is spec.extent. */
function inVersion(object: JsonObject, version: string): JsonObject {
  const spec = object["spec"] as JsonObject | undefined;
  const { size, ...others } = spec ?? {};
  const isRenamed = version === "example.com/v2" && size !== undefined;
  return { apiVersion: version, ...object, ...(isRenamed && { spec: { ...others, extent: size } }) };
}

function caseOf(
  kind: string,
  versions: string[],
  object: fc.Arbitrary<JsonObject>,
  base: Pick<ApplyCase, "schema">,
): fc.Arbitrary<ApplyCase> {
  const step = fc.record(
    {
      apply: fc.oneof(fc.constant(true), fc.boolean()),
      force: fc.boolean(),
      manager: fc.constantFrom("one", "two", "three"),
      object: fc
        .tuple(fc.constantFrom(...versions), object)
        .map(([version, fields]) => ({ kind, ...inVersion(fields, version) }) as JsonObject),
    },
    { noNullPrototype: true },
  );
  const empty = { ...emptyFields[kind], apiVersion: versions[0] as string, kind };
  return fc.array(step, { minLength: 2, maxLength: 5 }).map((steps) => ({ ...base, empty, steps }));
}

export const applyCase: fc.Arbitrary<ApplyCase> = fc.oneof(
  caseOf("Pod", ["v1"], pod, {}),
  caseOf("Deployment", ["apps/v1"], deployment, {}),
  caseOf("Service", ["v1"], service, {}),
  caseOf("Thing", ["example.com/v1", "example.com/v2"], thing, { schema: thingSchema }),
  caseOf("Thing", ["example.com/v1", "example.com/v2"], untyped, { schema: null }),
);
