import { definition, definitions, establish } from "../crd/requests.ts";
import type { Case } from "../differential/recorded.ts";
import { apply, get, mergePatch, patch, post, put, remove } from "./requests.ts";

const group = "apply.example.com";
const widgets = (version: string) => `/apis/${group}/${version}/namespaces/default/widgets`;
const widget = (spec: object, rest: object = {}, version = "v1") => ({
  apiVersion: `${group}/${version}`,
  kind: "Widget",
  metadata: { name: "w" },
  spec,
  ...rest,
});

const spec = {
  type: "object",
  properties: {
    replicas: { type: "integer", default: 1 },
    size: { type: "string" },
    tags: { type: "array", items: { type: "string" }, "x-kubernetes-list-type": "set" },
    plain: { type: "array", items: { type: "string" } },
    ports: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["port", "protocol"],
      items: {
        type: "object",
        required: ["port", "protocol"],
        properties: {
          port: { type: "integer" },
          protocol: { type: "string", default: "TCP" },
          name: { type: "string" },
        },
      },
    },
    atomic: { type: "object", "x-kubernetes-map-type": "atomic", additionalProperties: { type: "string" } },
    granular: { type: "object", additionalProperties: { type: "string" } },
    free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
    either: { "x-kubernetes-int-or-string": true },
  },
};
const status = {
  type: "object",
  properties: { replicas: { type: "integer" }, phase: { type: "string" } },
};
const schema = (extra: object = {}) => ({
  schema: {
    openAPIV3Schema: {
      type: "object",
      properties: { spec: { ...spec, properties: { ...spec.properties, ...extra } }, status },
    },
  },
});
const subresources = {
  status: {},
  scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
};
const definitionOfTwo = definition(
  group,
  spec,
  {},
  {
    versions: [
      { name: "v1", served: true, storage: true, ...schema(), subresources },
      { name: "v2", served: true, storage: false, ...schema(), subresources },
    ],
  },
);

const w = `${widgets("v1")}/w`;
const applied = widget({
  size: "s",
  tags: ["a", "b"],
  plain: ["a", "b"],
  ports: [{ port: 80 }, { port: 53, protocol: "UDP" }],
  atomic: { a: "1" },
  granular: { a: "1" },
  free: { x: { y: 1 }, l: [1] },
  either: 1,
});

export const customCases: Case[] = [
  {
    name: "custom resources",
    exchanges: [
      ...establish(definitionOfTwo),
      post("created", `${widgets("v1")}?fieldManager=maker`, {
        ...widget({ size: "s", free: { a: { b: [1] } } }),
        metadata: { name: "made" },
        status: { phase: "x" },
      }),
      patch("patched", `${widgets("v1")}/made?fieldManager=two`, mergePatch, {
        spec: { size: "m", free: { a: { c: 1 } } },
      }),
      patch("its status", `${widgets("v1")}/made/status?fieldManager=three`, mergePatch, {
        status: { phase: "y" },
        spec: { size: "l" },
      }),
      apply("one", w, "one", applied),
      apply("the same again", w, "one", applied),
      apply(
        "two",
        w,
        "two",
        widget({
          tags: ["c"],
          ports: [{ port: 80, name: "http" }, { port: 81 }],
          granular: { b: "1" },
          free: { x: { z: 1 } },
        }),
      ),
      apply(
        "two's conflicts",
        w,
        "two",
        widget({
          size: "m",
          plain: ["c"],
          atomic: { b: "1" },
          granular: { a: "2" },
          free: { x: { y: 2 }, l: [2] },
          either: "1",
        }),
      ),
      apply("an unknown field", w, "two", widget({ foo: 1 })),
      apply("a wrong type", w, "two", widget({ size: 1 })),
      apply("twice in a set", w, "two", widget({ tags: ["c", "c"] })),
      apply("twice in a map", w, "two", widget({ ports: [{ port: 1 }, { port: 1, protocol: "TCP" }] })),
      apply("a key is not there", w, "two", widget({ ports: [{ name: "x" }] })),
      apply("a default is nobody's", w, "three", widget({ granular: { c: "1" } })),
      apply("replicas", w, "three", widget({ replicas: 2 })),
      apply("status by the main path", w, "four", widget({}, { status: { phase: "a" } })),
      apply("status", `${w}/status`, "four", widget({ size: "xl" }, { status: { phase: "a" } })),
      apply("a scale", `${w}/scale`, "five", {
        apiVersion: "autoscaling/v1",
        kind: "Scale",
        metadata: { name: "w" },
        spec: { replicas: 3 },
      }),
      put("an update of scale", `${w}/scale?fieldManager=five`, {
        apiVersion: "autoscaling/v1",
        kind: "Scale",
        metadata: { name: "w", namespace: "default" },
        spec: { replicas: 3 },
      }),
      get("after the scale", w),
      apply("in the other version", `${widgets("v2")}/w`, "one", widget({ size: "s", tags: ["a"] }, {}, "v2")),
      apply("a conflict in the other version", `${widgets("v2")}/w`, "six", widget({ size: "m" }, {}, "v2")),
      patch("an update in the other version", `${widgets("v2")}/w?fieldManager=six`, mergePatch, {
        spec: { size: "m" },
      }),
      get("at last", w),
      remove(`${definitions}/widgets.${group}`),
    ],
  },
];
