import type { Exchange } from "../differential/exchange.ts";
import type { Case } from "../differential/recorded.ts";

type Json = Record<string, unknown>;

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/** A definition of one version with the given schema of spec, in a group of the case's own. */
function definition(group: string, spec: Json, version: Json = {}, rest: Json = {}): Json {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: "widgets", singular: "widget", kind: "Widget", shortNames: ["wd"], categories: ["all"] },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", properties: { spec } } },
          ...version,
        },
      ],
      ...rest,
    },
  };
}

const goTypes = "upstream prints its Go types";
const notFoundText = "upstream answers in plain text while it forgets a group";
const noApply = "server-side apply is not there yet";

const create = (title: string, body: Json): Exchange => ({ title, method: "POST", path: definitions, body });
const get = (title: string, path: string): Exchange => ({ title, method: "GET", path });
const remove = (path: string): Exchange => ({ title: `delete ${path}`, method: "DELETE", path, silent: true });

/** Creates it, and waits until its objects are served on both servers. */
function establish(body: Json): Exchange[] {
  const { name } = (body as { metadata: { name: string } }).metadata;
  const { group, versions } = (body as { spec: { group: string; versions: { name: string }[] } }).spec;
  const served = (answer: unknown) => (answer as { kind: string }).kind === "WidgetList";
  const path = `/apis/${group}/${versions[0]?.name}/namespaces/default/widgets`;
  return [
    // Of a run that was cut short.
    remove(`${definitions}/${name}`),
    { ...get(`gone: ${name}`, `${definitions}/${name}`), until: isGone, silent: true },
    { ...create(`create ${name}`, body), silent: true },
    { ...get(`wait for ${name}`, `${definitions}/${name}`), until: isEstablished, silent: true },
    { ...get(`wait for ${path}`, path), until: served, silent: true },
    // A real server answers once with the definition's store before it is the newest: a moment of peace.
    { ...get(`wait again for ${path}`, path), until: served, silent: true },
  ];
}

function isGone(answer: unknown): boolean {
  return typeof answer === "string" || (answer as { code?: number }).code === 404;
}

function isEstablished(answer: unknown): boolean {
  const { status } = answer as { status?: { conditions?: { type: string; status: string }[] } };
  return status?.conditions?.some((each) => each.type === "Established" && each.status === "True") ?? false;
}

const collection = (group: string, version = "v1") => `/apis/${group}/${version}/namespaces/default/widgets`;

function widget(group: string, name: string, fields: Json = {}, version = "v1"): Json {
  return { apiVersion: `${group}/${version}`, kind: "Widget", metadata: { name }, ...fields };
}

const post = (title: string, group: string, body: unknown, query = "", version = "v1"): Exchange => ({
  title,
  method: "POST",
  path: `${collection(group, version)}${query}`,
  body,
});

const text: Json = { type: "string" };
const whole: Json = { type: "integer" };

function lifecycle(): Case {
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

function invalidDefinitions(): Case {
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

function namesTaken(): Case {
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

function instances(): Case {
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
        differs: noApply,
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

function subresources(): Case {
  const group = "sub.example.com";
  const replicas: Json = {
    type: "object",
    properties: { replicas: whole, selector: text, ready: { type: "boolean" } },
  };
  const body = definition(
    group,
    { type: "object", properties: { replicas: { type: "integer" }, x: text } },
    {
      schema: {
        openAPIV3Schema: {
          type: "object",
          properties: { spec: { type: "object", properties: { replicas: whole, x: text } }, status: replicas },
        },
      },
      subresources: {
        status: {},
        scale: {
          specReplicasPath: ".spec.replicas",
          statusReplicasPath: ".status.replicas",
          labelSelectorPath: ".status.selector",
        },
      },
    },
  );
  const url = `${collection(group)}/w`;
  const merge = (title: string, path: string, patch: Json): Exchange => ({
    title,
    method: "PATCH",
    path,
    contentType: "application/merge-patch+json",
    body: patch,
  });
  return {
    name: "status and scale",
    exchanges: [
      ...establish(body),
      get("discovery", `/apis/${group}/v1`),
      post("a status at creation is dropped", group, widget(group, "w", { spec: { x: "a" }, status: { replicas: 9 } })),
      get("scale without replicas", `${url}/scale`),
      merge("main: status stays, spec counts", url, { spec: { replicas: 2 }, status: { replicas: 3 } }),
      merge("status: spec and metadata stay", `${url}/status`, {
        metadata: { labels: { a: "b" }, annotations: { c: "d" } },
        spec: { replicas: 7 },
        status: { replicas: 2, selector: "a=b" },
      }),
      merge("status of the wrong type", `${url}/status`, { status: { replicas: "x" } }),
      merge("status with unknown fields", `${url}/status`, { status: { zork: 1 } }),
      get("status", `${url}/status`),
      get("scale", `${url}/scale`),
      merge("scaled", `${url}/scale`, { spec: { replicas: 4 } }),
      merge("scaled below zero", `${url}/scale`, { spec: { replicas: -1 } }),
      get("after scaling", url),
      merge("replicas below zero", url, { spec: { replicas: -1 } }),
      remove(`${definitions}/widgets.${group}`),
    ],
  };
}

function versions(): Case {
  const group = "versions.example.com";
  const body = definition(group, { type: "object", properties: { a: text } });
  const list = (body as { spec: { versions: Json[] } }).spec.versions;
  const [v1] = list;
  list.push(
    {
      ...v1,
      name: "v2",
      storage: false,
      schema: {
        openAPIV3Schema: {
          type: "object",
          properties: { spec: { type: "object", properties: { a: text, b: { type: "string", default: "new" } } } },
        },
      },
      additionalPrinterColumns: [
        { name: "A", type: "string", jsonPath: ".spec.a" },
        { name: "B", type: "string", jsonPath: ".spec.b", priority: 1, description: "The second." },
        { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
        { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
      ],
    },
    { ...v1, name: "v1beta1", storage: false, deprecated: true },
    { ...v1, name: "v1alpha1", storage: false, deprecated: true, deprecationWarning: "use v1" },
    { ...v1, name: "v0", storage: false, served: false },
  );
  const table = "application/json;as=Table;v=v1;g=meta.k8s.io";
  const inGroup = (answer: unknown) => ((answer as { versions?: unknown[] }).versions ?? []).length === 4;
  return {
    name: "several versions",
    exchanges: [
      ...establish(body),
      { ...get("group", `/apis/${group}`), until: inGroup },
      post("created as v1", group, widget(group, "w", { spec: { a: "1", b: "2" } })),
      get("read as v2", `${collection(group, "v2")}/w`),
      get("listed as v2", collection(group, "v2")),
      get("read as v1beta1", `${collection(group, "v1beta1")}/w`),
      get("read as v1alpha1", `${collection(group, "v1alpha1")}/w`),
      { ...get("a version that is not served", collection(group, "v0")), differs: notFoundText },
      { ...get("table of v2", `${collection(group, "v2")}`), accept: table },
      post("created as v2", group, widget(group, "x", { spec: { a: "1", b: "2" } }, "v2"), "", "v2"),
      get("what v1 says of it", `${collection(group)}/x`),
      get("what v2 says of it", `${collection(group, "v2")}/x`),
      remove(`${definitions}/widgets.${group}`),
    ],
  };
}

function selectable(): Case {
  const group = "select.example.com";
  const body = definition(
    group,
    { type: "object", properties: { color: text, n: whole } },
    {
      selectableFields: [{ jsonPath: ".spec.color" }, { jsonPath: ".spec.n" }],
    },
  );
  const by = (title: string, selector: string) =>
    get(title, `${collection(group)}?fieldSelector=${encodeURIComponent(selector)}`);
  return {
    name: "selectable fields",
    exchanges: [
      ...establish(body),
      post("red", group, widget(group, "a", { spec: { color: "red", n: 1 } })),
      post("blue", group, widget(group, "b", { spec: { color: "blue" } })),
      by("by color", "spec.color=red"),
      by("by number", "spec.n=1"),
      by("by absence", "spec.n="),
      by("by another field", "spec.size=1"),
      remove(`${definitions}/widgets.${group}`),
    ],
  };
}

function ratcheting(): Case {
  const group = "ratchet.example.com";
  const body = definition(group, { type: "object", properties: { a: text, b: text } });
  const tightened = {
    spec: {
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: "object",
              properties: {
                spec: {
                  type: "object",
                  properties: { a: { type: "string", maxLength: 3 }, b: text, c: { type: "string", default: "late" } },
                },
              },
            },
          },
        },
      ],
    },
  };
  const url = `${collection(group)}/w`;
  const merge = (title: string, path: string, patch: Json): Exchange => ({
    title,
    method: "PATCH",
    path,
    contentType: "application/merge-patch+json",
    body: patch,
  });
  const defaulted = (answer: unknown) => (answer as { spec?: { c?: string } }).spec?.c === "late";
  return {
    name: "a schema that changes",
    exchanges: [
      ...establish(body),
      post("stored before", group, widget(group, "w", { spec: { a: "too long", b: "x" } })),
      { ...merge("tightened", `${definitions}/widgets.${group}`, tightened), silent: true },
      { ...get("defaults show on what is stored", url), until: defaulted },
      merge("what was wrong may stay", url, { spec: { b: "y" } }),
      merge("what changes must be right", url, { spec: { a: "also too long" } }),
      remove(`${definitions}/widgets.${group}`),
    ],
  };
}

export const cases: Case[] = [
  lifecycle(),
  invalidDefinitions(),
  namesTaken(),
  instances(),
  subresources(),
  versions(),
  selectable(),
  ratcheting(),
];
