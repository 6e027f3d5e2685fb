import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTarget, patchTypes, type Target } from "./target.ts";

let target: Target;
const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const goods = "/apis/good.example/v1/namespaces/default/goods";

function definition(schema: unknown, spec: object = {}, plural = "zorks", group = "bad.example"): string {
  return JSON.stringify({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural, kind: plural === "goods" ? "Good" : "Zork" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: schema },
          subresources: { status: {}, scale: { specReplicasPath: ".spec.n", statusReplicasPath: ".status.n" } },
        },
      ],
      ...spec,
    },
  });
}

const good = (fields: string) => `{"apiVersion":"good.example/v1","kind":"Good",${fields}}`;

beforeAll(async () => {
  target = await openTarget();
  const schema = {
    type: "object",
    properties: {
      spec: {
        type: "object",
        properties: {
          s: { type: "string", maxLength: 3 },
          n: { type: "integer" },
          list: { type: "array", items: { type: "object", required: ["k"], properties: { k: { type: "string" } } } },
          any: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
        },
      },
      status: { type: "object", properties: { n: { type: "integer" } } },
    },
  };
  const body = definition(schema, {}, "goods", "good.example");
  expect((await target.send({ method: "POST", path: definitions, body })).status).toBe(201);
  for (let made = 404; made === 404; ) {
    made = (await target.send({ method: "POST", path: goods, body: good('"metadata":{"name":"kept"}') })).status;
  }
  // The definition's conditions are written by now: nothing else writes.
  await new Promise((resolve) => setTimeout(resolve, 200));
});
afterAll(async () => {
  await target.stop();
  expect(target.faults).toEqual([]);
});

describe("a definition", () => {
  const object = { type: "object" };
  const property = (schema: unknown) => ({ type: "object", properties: { a: schema } });
  const deep = (levels: number) =>
    JSON.parse(`${'{"type":"object","properties":{"a":'.repeat(levels)}{"type":"string"}${"}}".repeat(levels)}`);
  test.each<[string, unknown, object?]>([
    ["whose schema is a string", "x"],
    ["whose schema is a number", 1],
    ["without a schema", null],
    ["of an unknown type", { type: "zork" }],
    ["of a type that is a number", { type: 1 }],
    ["with a pattern that is none", property({ type: "string", pattern: "((((" })],
    ["with properties in a list", { type: "object", properties: [] }],
    ["with a property that is null", { type: "object", properties: { a: null } }],
    ["that refers to itself", { $ref: "#" }],
    ["with a default of another type", property({ type: "string", default: 1 })],
    ["with a property without a type", property({})],
    ["nested too deep", deep(600)],
    ["without names", object, { names: null }],
    ["without versions", object, { versions: [] }],
    ["with a version that is null", object, { versions: [null] }],
    ["with versions in an object", object, { versions: {} }],
    ["of a group that is none", object, { group: "__proto__" }],
    ["converted by nobody", object, { conversion: { strategy: "Webhook" } }],
    ["converted by a number", object, { conversion: 1 }],
    ["of no scope", object, { scope: "Zork" }],
  ])("%s", async (_, schema, spec = {}) => {
    await target.refused({ method: "POST", path: definitions, body: definition(schema, spec) });
  });

  test("as deep as is sensible", async () => {
    const path = `${definitions}?dryRun=All`;
    expect((await target.send({ method: "POST", path, body: definition(deep(200)) })).status).toBe(201);
  });
});

const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;

describe("an object", () => {
  const named = '"metadata":{"name":"x"}';
  test.each([
    ["garbage", "\0{{"],
    ["nothing", ""],
    ["null", "null"],
    ["without a kind", '{"metadata":{"name":"x"}}'],
    ["of another kind", '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"}}'],
    ["without a name", good('"spec":{}')],
    ["whose metadata is a number", good('"metadata":1')],
    ["whose labels are numbers", good('"metadata":{"name":"x","labels":{"a":1}}')],
    ["whose spec is a list", good(`${named},"spec":[]`)],
    ["with wrong types", good(`${named},"spec":{"s":1,"n":"x","list":{}}`)],
    ["with text that is too long", good(`${named},"spec":{"s":"xxxx"}`)],
    ["with a number that is too large", good(`${named},"spec":{"n":99999999999999999999}`)],
    ["with a number that is none", good(`${named},"spec":{"n":1e999}`)],
    ["with entries that are none", good(`${named},"spec":{"list":[1,null,{},[]]}`)],
    ["nested too deep", good(`${named},"spec":{"any":${nested(2000)}}`)],
    ["nested much too deep", good(`${named},"spec":{"any":${nested(50_000)}}`)],
  ])("%s", async (_, body) => {
    await target.refused({ method: "POST", path: goods, body });
    await target.refused({ method: "PUT", path: `${goods}/kept`, body });
    await target.refused({ method: "PUT", path: `${goods}/kept/status`, body });
    await target.refused({ method: "PUT", path: `${goods}/kept/scale`, body });
  });

  test("keeps keys that mean something to JavaScript where unknown fields are kept", async () => {
    const any = '{"__proto__":{"a":1},"constructor":{"prototype":{"b":2}}}';
    const path = `${goods}?dryRun=All`;
    const { status, body } = await target.send({
      method: "POST",
      path,
      body: good(`${named},"spec":{"any":${any}},"__proto__":{"spec":{"n":1}}`),
    });
    expect(status).toBe(201);
    expect(JSON.stringify((body as { spec: object }).spec)).toBe(`{"any":${any}}`);
  });

  test.each([
    ["/kept", "[]", patchTypes.merge],
    ["/kept", '{"spec":{"n":"x"}}', patchTypes.merge],
    ["/kept", `{"spec":{"any":${nested(2000)}}}`, patchTypes.merge],
    ["/kept", "{}", patchTypes.strategic],
    ["/kept", '[{"op":"zork","path":""}]', patchTypes.json],
    ["/kept/status", '{"status":{"n":"x"}}', patchTypes.merge],
    ["/kept/scale", '{"spec":{"replicas":"x"}}', patchTypes.merge],
    ["/kept/scale", '{"metadata":1}', patchTypes.merge],
    ["/kept/scale", "{}", patchTypes.strategic],
  ])("patched: %s", async (path, body, type) => {
    await target.refused({ method: "PATCH", path: goods + path, headers: { "content-type": type }, body });
  });
});
