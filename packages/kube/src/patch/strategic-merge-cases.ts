import fc from "fast-check";
import { isJsonObject } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";

/** Random objects and strategic merge patches for them, for tests against upstream's own implementation. */
export interface StrategicMergeCase {
  kind: "Pod" | "Deployment" | "Service";
  original: JsonObject;
  patch: JsonObject;
}

const names = ["a", "b", "c", "d", "e"] as const;
const name = fc.constantFrom(...names);
const text = fc.constantFrom("x", "y", "z");
const smallInteger = fc.integer({ min: 0, max: 3 });
const labels = fc.dictionary(name, text, { maxKeys: 3 });

function listOf(key: string, keys: fc.Arbitrary<JsonValue>, rest: fc.Arbitrary<JsonObject>): fc.Arbitrary<JsonValue[]> {
  const element = fc.tuple(keys, rest).map(([value, fields]): JsonValue => ({ [key]: value, ...fields }));
  const keyOf = (value: JsonValue) => (value as JsonObject)[key];
  return fc.uniqueArray(element, { maxLength: 4, selector: keyOf });
}

function fields(model: Record<string, fc.Arbitrary<JsonValue>>): fc.Arbitrary<JsonObject> {
  return fc.record(model, { requiredKeys: [], noNullPrototype: true }) as fc.Arbitrary<JsonObject>;
}

const env = listOf("name", name, fields({ value: text }));
const ports = listOf("containerPort", fc.constantFrom(80, 81, 82), fields({ name, protocol: fc.constant("TCP") }));
const mounts = listOf("mountPath", fc.constantFrom("/a", "/b", "/c"), fields({ name, readOnly: fc.boolean() }));
const container = fields({
  image: text,
  args: fc.array(text, { maxLength: 3 }),
  env,
  ports,
  volumeMounts: mounts,
  resources: fields({ limits: fc.dictionary(fc.constantFrom("cpu", "memory"), fc.constantFrom("1", "2Gi")) }),
});
const volumeSource = fc.oneof(
  fc.constant({ emptyDir: {} }),
  fc.constant({ emptyDir: { medium: "Memory" } }),
  text.map((secretName): JsonObject => ({ secret: { secretName } })),
  text.map((path): JsonObject => ({ hostPath: { path } })),
);
const podSpec = fields({
  containers: listOf("name", name, container),
  initContainers: listOf("name", name, container),
  volumes: listOf("name", name, volumeSource),
  imagePullSecrets: listOf("name", name, fc.constant({})),
  hostAliases: listOf(
    "ip",
    fc.constantFrom("1.1.1.1", "2.2.2.2"),
    fields({ hostnames: fc.array(name, { maxLength: 2 }) }),
  ),
  tolerations: listOf("key", name, fields({ value: text })),
  nodeSelector: labels,
  serviceAccountName: name,
  terminationGracePeriodSeconds: smallInteger,
  securityContext: fields({ runAsUser: smallInteger, supplementalGroups: fc.array(smallInteger, { maxLength: 2 }) }),
});
const metadata = fields({
  labels,
  annotations: labels,
  finalizers: fc.uniqueArray(name, { maxLength: 4 }),
  ownerReferences: listOf("uid", name, fields({ kind: text, name: text })),
});

const pod = fields({ metadata, spec: podSpec });
const deployment = fields({
  metadata,
  spec: fields({
    replicas: smallInteger,
    strategy: fc.oneof(
      fc.constant<JsonObject>({ type: "Recreate" }),
      fc.constant<JsonObject>({ type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } }),
    ),
    selector: fields({ matchLabels: labels }),
    template: fields({ metadata, spec: podSpec }),
  }),
});
const service = fields({
  metadata,
  spec: fields({
    selector: labels,
    ports: listOf("port", fc.constantFrom(80, 81, 82, 83), fields({ name, targetPort: text })),
  }),
});

const mergeKeys = ["containerPort", "mountPath", "ip", "uid", "port", "name"];

/** Turns part of a random object into a patch: some values null, some directives, some orders. */
function withDirectives(value: JsonValue, random: () => number): JsonValue {
  if (Array.isArray(value)) return value.map((element) => elementWithDirectives(element, random));
  if (!isJsonObject(value)) return value;
  const patch: JsonObject = {};
  for (const [key, field] of Object.entries(value)) {
    if (field === undefined) continue;
    const dice = random();
    if (dice < 0.06) patch[key] = null;
    else if (dice < 0.12 && key === "finalizers") patch[`$deleteFromPrimitiveList/${key}`] = field;
    else patch[key] = withDirectives(field, random);
    if (patch[key] !== null && Array.isArray(field) && field.length > 0 && random() < 0.4)
      addOrder(patch, key, field, random);
  }
  const dice = random();
  if (dice < 0.04) patch["$retainKeys"] = Object.keys(patch);
  else if (dice < 0.06) patch["$patch"] = "replace";
  else if (dice < 0.07) patch["$patch"] = "delete";
  else if (dice < 0.071) patch["$patch"] = "wrong";
  return patch;
}

function elementWithDirectives(element: JsonValue, random: () => number): JsonValue {
  if (!isJsonObject(element)) return element;
  const key = mergeKeys.find((candidate) => candidate in element);
  if (random() < 0.2 && key !== undefined) return { [key]: element[key], $patch: "delete" };
  const patch = withDirectives(element, random) as JsonObject;
  // An element is told by its key: without it the whole patch fails, which is one case in many.
  if (key !== undefined && random() < 0.995) patch[key] = element[key];
  if (random() < 0.99) delete patch["$patch"];
  return patch;
}

function addOrder(patch: JsonObject, key: string, list: JsonValue[], random: () => number): void {
  const [first] = list;
  const mergeKey = isJsonObject(first) ? mergeKeys.find((candidate) => candidate in first) : undefined;
  if (isJsonObject(first) && mergeKey === undefined) return;
  const keyOf = (element: JsonValue) =>
    mergeKey === undefined ? element : ((element as JsonObject)[mergeKey] ?? null);
  const pool: JsonValue[] =
    mergeKey === "containerPort" || mergeKey === "port" ? [80, 81, 82] : mergeKey === "ip" ? ["1.1.1.1"] : [...names];
  const order = list.map(keyOf);
  for (const other of pool) {
    if (!order.includes(other) && random() < 0.4) order.splice(Math.floor(random() * (order.length + 1)), 0, other);
  }
  if (random() < 0.02) order.reverse();
  patch[`$setElementOrder/${key}`] = order.map((value) => (mergeKey === undefined ? value : { [mergeKey]: value }));
}

/** A small generator, so that one number makes one patch (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function caseOf(kind: StrategicMergeCase["kind"], object: fc.Arbitrary<JsonObject>): fc.Arbitrary<StrategicMergeCase> {
  return fc.tuple(object, object, fc.nat()).map(([original, change, seed]) => ({
    kind,
    original,
    patch: withDirectives(change, randomFrom(seed)) as JsonObject,
  }));
}

export const strategicMergeCase: fc.Arbitrary<StrategicMergeCase> = fc.oneof(
  { arbitrary: caseOf("Pod", pod), weight: 3 },
  { arbitrary: caseOf("Deployment", deployment), weight: 2 },
  { arbitrary: caseOf("Service", service), weight: 1 },
);
