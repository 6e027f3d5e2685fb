import type { Exchange } from "../differential/exchange.ts";
import type { Case } from "../differential/recorded.ts";
import {
  collection,
  definition,
  definitions,
  establish,
  get,
  type Json,
  post,
  remove,
  text,
  widget,
} from "./requests.ts";

const everything: Json = {
  type: "object",
  required: ["name"],
  properties: {
    name: { type: "string", minLength: 2, maxLength: 5, pattern: "^[a-z]+$" },
    size: { type: "integer", minimum: 1, maximum: 10, default: 3 },
    ratio: { type: "number", exclusiveMinimum: true, minimum: 0, multipleOf: 0.5 },
    color: { type: "string", enum: ["red", "green"] },
    when: { type: "string", format: "date-time" },
    port: { "x-kubernetes-int-or-string": true },
    nested: {
      type: "object",
      default: {},
      properties: { deep: { type: "object", default: {}, properties: { flag: { type: "boolean", default: true } } } },
    },
    maybe: { type: "string", nullable: true },
    withDefault: { type: "string", default: "x" },
    labels: { type: "object", additionalProperties: text, maxProperties: 2 },
    tags: { type: "array", items: text, "x-kubernetes-list-type": "set", maxItems: 3 },
    parts: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["id"],
      items: { type: "object", required: ["id"], properties: { id: text, n: { type: "integer", default: 7 } } },
    },
    free: {
      type: "object",
      "x-kubernetes-preserve-unknown-fields": true,
      properties: { known: { type: "object", properties: { a: text } } },
    },
    template: {
      type: "object",
      "x-kubernetes-embedded-resource": true,
      "x-kubernetes-preserve-unknown-fields": true,
    },
    one: { type: "object", properties: { a: text, b: text }, oneOf: [{ required: ["a"] }, { required: ["b"] }] },
    any: { type: "object", properties: { a: text, b: text }, anyOf: [{ required: ["a"] }, { required: ["b"] }] },
    not: { type: "string", not: { enum: ["bad"] } },
  },
};

export function instances(): Case {
  const group = "instances.example.com";
  const make = (title: string, name: string, fields: Json, query = "") =>
    post(title, group, widget(group, name, fields), query);
  const spec = (title: string, name: string, fields: Json, query = "") =>
    make(title, name, { spec: { name: "abc", ...fields } }, query);
  const url = (name: string) => `${collection(group)}/${name}`;
  const merge = (title: string, name: string, body: Json, query = ""): Exchange => ({
    title,
    method: "PATCH",
    path: `${url(name)}${query}`,
    contentType: "application/merge-patch+json",
    body,
  });
  return {
    name: "instances",
    exchanges: [
      ...establish(definition(group, everything)),
      spec("defaults", "defaults", {}),
      spec("default inside a list", "list-default", { parts: [{ id: "a" }, { id: "b", n: 1 }] }),
      spec("nulls", "nulls", { maybe: null, withDefault: null, color: null, nested: null }),
      spec("unknown fields are dropped with a warning", "unknown", {
        zork: 1,
        nested: { x: { y: 1 } },
        parts: [{ id: "a", z: 1 }],
      }),
      spec("unknown fields ignored", "ignored", { zork: 1 }, "?fieldValidation=Ignore"),
      spec("unknown fields strict", "strict", { zork: 1, nested: { x: 1 } }, "?fieldValidation=Strict"),
      make("unknown field at the root", "root", { spec: { name: "abc" }, zork: 1 }),
      make("unknown field in metadata", "meta", { metadata: { name: "meta", zork: 1 }, spec: { name: "abc" } }),
      make("metadata of the wrong type", "meta2", {
        metadata: { name: "meta2", labels: { a: 1 } },
        spec: { name: "abc" },
      }),
      post(
        "duplicate field",
        group,
        `{"apiVersion":"${group}/v1","kind":"Widget","metadata":{"name":"twice"},"spec":{"name":"abc","name":"abd"}}`,
      ),
      spec("free-form fields stay", "free", { free: { x: { y: [1] }, known: { a: "1", b: "2" } } }),
      spec("embedded object", "embedded", {
        template: { apiVersion: "v1", kind: "Pod", metadata: { name: "x", zork: 1 }, spec: { a: 1 } },
      }),
      spec("embedded object without kind", "embedded2", { template: { apiVersion: "v1", metadata: { name: "x" } } }),
      spec("embedded object with bad labels", "embedded3", {
        template: { apiVersion: "v1", kind: "Pod", metadata: { labels: { "a b": "c" } } },
      }),
      make("required", "required", { spec: {} }),
      make("no spec", "nospec", {}),
      spec("type", "type", { size: "3", labels: [], tags: {} }),
      spec("bounds", "bounds", { size: 11, name: "a", labels: { a: "1", b: "2", c: "3" }, tags: ["a", "b", "c", "d"] }),
      spec("bounds below", "below", { size: 0, ratio: 0, name: "abcdef" }),
      spec("multiple of", "multiple", { ratio: 0.7 }),
      spec("pattern", "pattern", { name: "ABC" }),
      spec("enum", "enum", { color: "blue" }),
      spec("format", "format", { when: "yesterday" }),
      spec("integer with a fraction", "fraction", { size: 1.5 }),
      spec("int or string", "intorstring", { port: true }),
      spec("null that is not allowed in a map", "nullmap", { labels: { a: null } }),
      spec("set with duplicates", "set", { tags: ["a", "b", "a"] }),
      spec("map with duplicates", "map", { parts: [{ id: "a" }, { id: "a" }] }),
      spec("oneOf none", "oneof", { one: {} }),
      spec("oneOf both", "oneof2", { one: { a: "1", b: "2" } }),
      spec("anyOf none", "anyof", { any: {} }),
      spec("not", "not", { not: "bad" }),
      spec("several problems", "several", { size: 99, color: "blue", one: {}, name: "A" }),
      make("bad name", "Bad_Name", { spec: { name: "abc" } }),
      post("wrong kind", group, { ...widget(group, "k", { spec: { name: "abc" } }), kind: "Gadget" }),
      {
        ...post("wrong version", group, {
          ...widget(group, "k", { spec: { name: "abc" } }),
          apiVersion: `${group}/v9`,
        }),
        differs: "upstream warns of fields as if it had a schema",
      },
      post("no JSON", group, "k8s"),
      merge("patched", "defaults", { spec: { size: 5, labels: { a: "1" } }, metadata: { labels: { x: "y" } } }),
      merge("patched without a change", "defaults", { spec: { size: 5 } }),
      merge("metadata only", "defaults", { metadata: { annotations: { a: "b" } } }),
      merge("patched wrongly", "defaults", { spec: { size: 50 } }),
      merge("patched with unknown fields", "defaults", { spec: { zork: 1 } }),
      {
        ...merge("patched with unknown fields, strict", "defaults", { spec: { zork: 1 } }, "?fieldValidation=Strict"),
        differs: "the message holds the whole object, with its managed fields",
      },
      {
        title: "JSON patch",
        method: "PATCH",
        path: url("defaults"),
        contentType: "application/json-patch+json",
        body: [{ op: "replace", path: "/spec/size", value: 6 }],
      },
      {
        title: "strategic merge patch",

        method: "PATCH",
        path: url("defaults"),
        contentType: "application/strategic-merge-patch+json",
        body: { spec: { size: 6 } },
      },
      {
        title: "update without version",
        method: "PUT",
        path: url("defaults"),
        body: widget(group, "defaults", { spec: { name: "abc" } }),
      },
      {
        title: "update of nothing",
        method: "PUT",
        path: url("nothing"),
        body: widget(group, "nothing", { spec: { name: "abc" } }),
      },
      get("got", url("defaults")),
      get("not found", url("nothing")),
      { ...get("table", url("defaults")), accept: "application/json;as=Table;v=v1;g=meta.k8s.io" },
      { title: "deleted", method: "DELETE", path: url("defaults") },
      get("status is not served", `${url("free")}/status`),
      remove(`${definitions}/widgets.${group}`),
    ],
  };
}
