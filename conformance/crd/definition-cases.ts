import type { Case } from "../differential/recorded.ts";
import {
  collection,
  create,
  definition,
  definitions,
  establish,
  get,
  goTypes,
  isEstablished,
  isGone,
  type Json,
  notFoundText,
  post,
  remove,
  text,
  whole,
  widget,
} from "./requests.ts";

export function lifecycle(): Case {
  const group = "life.example.com";
  const body = definition(group, { type: "object", properties: { size: whole } });
  const path = `${definitions}/widgets.${group}`;
  return {
    name: "life of a definition",
    exchanges: [
      create("created", body),
      { ...get("established", path), until: isEstablished },
      { ...get("discovery", `/apis/${group}/v1`), until: (answer) => (answer as Json)["kind"] === "APIResourceList" },
      { ...get("empty list", collection(group)), until: (answer) => (answer as Json)["kind"] === "WidgetList" },
      create("created twice", body),
      {
        title: "kind changed",
        method: "PATCH",
        path,
        contentType: "application/merge-patch+json",
        body: { spec: { names: { kind: "Gadget" } } },
      },
      {
        title: "scope changed",
        method: "PATCH",
        path,
        contentType: "application/merge-patch+json",
        body: { spec: { scope: "Cluster" } },
      },
      post("instance", group, widget(group, "w", { spec: { size: 1 } })),
      { title: "deleted", method: "DELETE", path },
      { ...get("gone", path), until: (answer) => (answer as Json)["kind"] === "Status" },
      { ...get("instances gone", `${collection(group)}/w`), until: isGone, differs: notFoundText },
    ],
  };
}

export function invalidDefinitions(): Case {
  const group = "invalid.example.com";
  const schema = (title: string, spec: Json) => create(title, definition(group, spec));
  const root = (title: string, openAPIV3Schema: Json, version: Json = {}) =>
    create(title, definition(group, {}, { schema: { openAPIV3Schema }, ...version }));
  const two = (first: Json, second: Json): Json => {
    const body = definition(group, { type: "object" });
    const [version] = (body as { spec: { versions: Json[] } }).spec.versions;
    (body as { spec: { versions: Json[] } }).spec.versions = [
      { ...version, ...first },
      { ...version, name: "v2", ...second },
    ];
    return body;
  };
  return {
    name: "definitions that are refused",
    exchanges: [
      create("name does not match", { ...definition(group, { type: "object" }), metadata: { name: "x.example.com" } }),
      create("group without a dot", definition("example", { type: "object" })),
      create("scope", definition(group, { type: "object" }, {}, { scope: "Global" })),
      create("no schema", definition(group, {}, { schema: undefined })),
      create(
        "names",
        definition(group, { type: "object" }, {}, { names: { plural: "Widgets", kind: "wid get", shortNames: ["W"] } }),
      ),
      create(
        "kind is listKind",
        definition(group, { type: "object" }, {}, { names: { plural: "widgets", kind: "Widget", listKind: "Widget" } }),
      ),
      { ...create("no storage version", definition(group, { type: "object" }, { storage: false })), differs: goTypes },
      { ...create("two storage versions", two({}, {})), differs: goTypes },
      { ...create("a version twice", two({}, { name: "v1", storage: false })), differs: goTypes },
      create("version name", definition(group, { type: "object" }, { name: "V1" })),
      create("preserveUnknownFields", definition(group, { type: "object" }, {}, { preserveUnknownFields: true })),
      create("protected group", definition("example.k8s.io", { type: "object" })),
      create("deprecation warning", definition(group, { type: "object" }, { deprecationWarning: "old" })),
      create("webhook conversion", definition(group, { type: "object" }, {}, { conversion: { strategy: "Webhook" } })),
      create("conversion strategy", definition(group, { type: "object" }, {}, { conversion: { strategy: "Magic" } })),
      create(
        "columns",
        definition(
          group,
          { type: "object" },
          { additionalPrinterColumns: [{ name: "", type: "text", jsonPath: "spec.x" }] },
        ),
      ),
      create(
        "scale paths",
        definition(
          group,
          { type: "object" },
          {
            subresources: {
              scale: { specReplicasPath: ".replicas", statusReplicasPath: ".spec.replicas", labelSelectorPath: "x" },
            },
          },
        ),
      ),
      create(
        "selectable fields",
        definition(
          group,
          { type: "object", properties: { o: { type: "object" }, s: text } },
          { selectableFields: [{ jsonPath: ".spec.o" }, { jsonPath: ".spec.s" }, { jsonPath: ".spec.s" }] },
        ),
      ),
      root("root without type", { properties: { spec: { type: "object" } } }),
      root("root of another type", { type: "string" }),
      root("root nullable", { type: "object", nullable: true }),
      {
        ...root(
          "root with oneOf and status",
          { type: "object", oneOf: [{ required: ["spec"] }] },
          { subresources: { status: {} } },
        ),
        differs: goTypes,
      },
      schema("no type", { properties: { a: text } }),
      schema("unknown type", { type: "map" }),
      schema("properties and additionalProperties", {
        type: "object",
        properties: { a: text },
        additionalProperties: text,
      }),
      schema("type in anyOf", { type: "object", anyOf: [{ type: "object" }] }),
      schema("property only in anyOf", { type: "object", anyOf: [{ properties: { a: { minLength: 1 } } }] }),
      schema("items missing", { type: "array" }),
      schema("items a list", { type: "array", items: [text] }),
      schema("unique items", { type: "array", items: text, uniqueItems: true }),
      schema("ref", { type: "object", $ref: "#/x" }),
      schema("definitions", { type: "object", definitions: { a: text } }),
      schema("bad pattern", { type: "string", pattern: "a(?=b)" }),
      schema("default of the wrong type", { type: "object", properties: { a: { type: "string", default: 1 } } }),
      schema("default with unknown fields", {
        type: "object",
        properties: { a: { type: "object", default: { b: 1 } } },
      }),
      schema("list map without keys", { type: "array", "x-kubernetes-list-type": "map", items: { type: "object" } }),
      schema("list map key not required", {
        type: "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k"],
        items: { type: "object", properties: { k: text } },
      }),
      schema("list map key unknown", {
        type: "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["z"],
        items: { type: "object", required: ["k"], properties: { k: text } },
      }),
      schema("list map key an object", {
        type: "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k"],
        items: { type: "object", required: ["k"], properties: { k: { type: "object" } } },
      }),
      schema("set of objects", {
        type: "array",
        "x-kubernetes-list-type": "set",
        items: { type: "object", properties: { k: text } },
      }),
      schema("list type of a string", { type: "string", "x-kubernetes-list-type": "set" }),
      schema("list type unknown", { type: "array", "x-kubernetes-list-type": "bag", items: text }),
      schema("map type of an array", { type: "array", items: text, "x-kubernetes-map-type": "atomic" }),
      schema("preserve unknown fields false", { type: "object", "x-kubernetes-preserve-unknown-fields": false }),
      schema("int or string with type", { type: "string", "x-kubernetes-int-or-string": true }),
      schema("embedded resource of a string", { type: "string", "x-kubernetes-embedded-resource": true }),
      schema("embedded resource without properties", { type: "object", "x-kubernetes-embedded-resource": true }),
      root("metadata restricted", {
        type: "object",
        properties: { metadata: { type: "object", properties: { labels: { type: "object" } } } },
      }),
      root("apiVersion of another type", { type: "object", properties: { apiVersion: whole } }),
      schema("two problems", { type: "object", properties: { a: {}, b: { type: "array" } } }),
      schema("unknown format", { type: "object", properties: { a: { type: "string", format: "shoe-size" } } }),
      remove(`${definitions}/widgets.${group}`),
    ],
  };
}

export function namesTaken(): Case {
  const group = "names.example.com";
  const first = definition(group, { type: "object" });
  const second = definition(
    group,
    { type: "object" },
    {},
    {
      names: { plural: "gadgets", singular: "gadget", kind: "Widget", shortNames: ["wd"] },
    },
  );
  second["metadata"] = { name: `gadgets.${group}` };
  const judged = (answer: unknown) =>
    ((answer as { status?: { conditions?: unknown[] } }).status?.conditions ?? []).length >= 2;
  return {
    name: "names that another definition has",
    exchanges: [
      ...establish(first),
      { ...create("second", second), silent: true },
      { ...get("not accepted", `${definitions}/gadgets.${group}`), until: judged },
      remove(`${definitions}/gadgets.${group}`),
      remove(`${definitions}/widgets.${group}`),
    ],
  };
}
