import type { Case } from "../differential/recorded.ts";
import {
  collection,
  definition,
  definitions,
  establish,
  get,
  type Json,
  merge,
  notFoundText,
  post,
  remove,
  text,
  whole,
  widget,
} from "./requests.ts";

export function subresources(): Case {
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

export function versions(): Case {
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

export function selectable(): Case {
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

export function ratcheting(): Case {
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
