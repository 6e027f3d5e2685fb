import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configMaps, openTarget, patchTypes, type Target, titled } from "./target.ts";

let target: Target;
beforeAll(async () => {
  target = await openTarget();
  for (const [path, object] of [
    [configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "kept" }, data: { a: "1" } }],
    [pods, { apiVersion: "v1", kind: "Pod", metadata: { name: "kept" }, spec: podSpec }],
    [deployments, { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "kept" }, spec: deploymentSpec }],
  ] as const) {
    expect((await target.send({ method: "POST", path, body: JSON.stringify(object) })).status).toBe(201);
  }
  await settled();
});
afterAll(async () => {
  await target.stop();
  expect(target.faults).toEqual([]);
});

const pods = "/api/v1/namespaces/default/pods";
const deployments = "/apis/apps/v1/namespaces/default/deployments";
const podSpec = { containers: [{ name: "c", image: "i" }] };
const deploymentSpec = {
  replicas: 0,
  selector: { matchLabels: { a: "b" } },
  template: { metadata: { labels: { a: "b" } }, spec: podSpec },
};

/** The controllers have done what the new objects ask for. */
async function settled(): Promise<void> {
  for (let generation: number | undefined; generation !== 1; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const { body } = await target.send({ method: "GET", path: `${deployments}/kept` });
    generation = (body as { status?: { observedGeneration?: number } }).status?.observedGeneration;
  }
}

const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
const configMap = (fields: string) => `{"apiVersion":"v1","kind":"ConfigMap",${fields}}`;

const garbage: [string, string | Buffer][] = [
  ["nothing", ""],
  ["bytes that are no text", Buffer.from([0, 0xff, 0x7b, 0x7b])],
  ["half an object", '{"apiVersion":"v1","kind":"Conf'],
  ["a list", "[]"],
  ["a string", '"a"'],
  ["a number too large for all", "1e999"],
  ["two objects", '{"metadata":{"name":"x"}} {}'],
  ["objects in objects in objects", configMap(`"metadata":{"name":"x"},"zz":${nested(100_000)}`)],
  ["lists in lists in lists", "[".repeat(100_000)],
];

describe.each(["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"])("%s", (type) => {
  const headers = { "content-type": type };
  test.each(garbage)("%s", async (name, body) => {
    // YAML reads nothing as null, which is an object without fields, and whatever is left open as text.
    const code = type === "application/yaml" && name === "nothing" ? 422 : 400;
    expect((await target.refused({ method: "POST", path: configMaps, headers, body })).code).toBe(code);
    expect((await target.refused({ method: "PUT", path: `${configMaps}/kept`, headers, body })).code).toBe(400);
  });

  test("any bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (bytes) => {
        const body = Buffer.concat([Buffer.from(type.endsWith("protobuf") ? "k8s\0" : ""), bytes]);
        await target.refused({ method: "POST", path: configMaps, headers, body });
      }),
      { numRuns: 60 },
    );
  });
});

test("a protobuf message cut short at any byte", async () => {
  // The envelope of a ConfigMap named "cut" (k8s.io/apimachinery/pkg/runtime/generated.proto, Unknown).
  const field = (number: number, bytes: Buffer | string) =>
    Buffer.concat([Buffer.from([(number << 3) | 2, Buffer.byteLength(bytes)]), Buffer.from(bytes)]);
  const type = Buffer.concat([field(1, "v1"), field(2, "ConfigMap")]);
  const message = Buffer.concat([Buffer.from("k8s\0"), field(1, type), field(2, field(1, field(1, "cut")))]);
  const headers = { "content-type": "application/vnd.kubernetes.protobuf" };
  for (let length = 0; length < message.length; length++) {
    await target.refused({ method: "POST", path: configMaps, headers, body: message.subarray(0, length) });
  }
  const path = `${configMaps}?dryRun=All`;
  expect((await target.send({ method: "POST", path, headers, body: message })).status).toBe(201);
});

test("YAML whose aliases stand for more than memory holds", async () => {
  let body = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
  for (let i = 1; i < 12; i++) body += `a${i}: &a${i} [${Array(9).fill(`*a${i - 1}`)}]\n`;
  const headers = { "content-type": "application/yaml" };
  const { message } = await target.refused({ method: "POST", path: configMaps, headers, body });
  expect(message).toContain("yaml: document contains excessive aliasing");
  await target.refused({ method: "POST", path: configMaps, headers, body: "a: &a [*a]" });
});

describe("other media types", () => {
  test.each(["text/plain", "application/cbor", "application/octet-stream", "a/b/c", ";;"])("%s", async (type) => {
    const request = { path: configMaps, headers: { "content-type": type }, body: "{}" };
    expect(await target.refused({ method: "POST", ...request })).toMatchObject({
      code: 415,
      message:
        "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
    });
    expect((await target.refused({ ...request, method: "PATCH", path: `${configMaps}/kept` })).code).toBe(415);
  });
});

describe("fields of the wrong kind", () => {
  test.each([
    ['"apiVersion":1', /json: cannot unmarshal number into Go struct field \.apiVersion of type string/],
    ['"apiVersion":"v1","kind":{}', /json: cannot unmarshal object into Go struct field \.kind of type string/],
    ['"kind":"__proto__","apiVersion":"v1"', /no kind "__proto__" is registered for version "v1"/],
    ['"metadata":1', /cannot unmarshal number into Go struct field ConfigMap.metadata of type v1.ObjectMeta/],
    ['"metadata":{"name":1}', /cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string/],
    ['"metadata":{"name":"x","generation":99999999999999999999}', /of type int64/],
    ['"metadata":{"name":"x","generation":1.5}', /of type int64/],
    ['"metadata":{"name":"x","creationTimestamp":"yesterday"}', /parsing time "yesterday"/],
    ['"metadata":{"name":"x","labels":[]}', /cannot unmarshal array into Go struct field/],
    ['"metadata":{"name":"x"},"data":{"a":1}', /cannot unmarshal number into Go struct field ConfigMap.data of type/],
    ['"metadata":{"name":"x"},"binaryData":{"a":"$"}', /illegal base64 data/],
  ])("%s", async (fields, text) => {
    expect(await target.refused({ method: "POST", path: configMaps, body: `{${fields}}` })).toMatchObject({
      code: 400,
      message: expect.stringMatching(text),
    });
  });

  test.each(
    [
      '"metadata":null',
      '"metadata":{"name":"a/b"}',
      '"metadata":{"name":".."}',
      '"metadata":{"name":"x\\u0000"}',
      '"metadata":{"name":"x\\ud800"}',
      `"metadata":{"name":"${"a".repeat(100_000)}"}`,
      '"metadata":{"name":"__proto__"}',
      '"metadata":{"name":"x","finalizers":["a b"]}',
      '"metadata":{"name":"x","ownerReferences":[{}]}',
      '"metadata":{"name":"x","labels":{"__proto__":"a","a b":"c"}}',
      `"metadata":{"name":"x"},"data":{"${"k".repeat(300)}":""}`,
      `"metadata":{"name":"x"},"data":{"a":"${"x".repeat(1_100_000)}"}`,
    ].map((fields) => titled(fields)),
  )("%s", async (_, fields) => {
    const { code, reason } = await target.refused({ method: "POST", path: configMaps, body: configMap(fields) });
    expect({ code, reason }).toEqual({ code: 422, reason: "Invalid" });
  });
});

test("keys that mean something to JavaScript are keys like any other", async () => {
  const data = '{"__proto__":"a","constructor":"b","toString":"c"}';
  const body = configMap(`"metadata":{"name":"proto"},"data":${data},"__proto__":{"data":{"d":"e"}}`);
  const made = await target.send({ method: "POST", path: `${configMaps}?dryRun=All`, body });
  expect(made.status).toBe(201);
  const read = made.body as { data: object };
  expect(JSON.stringify(read.data)).toBe(data);
  for (const type of [patchTypes.merge, patchTypes.strategic]) {
    const { status, body } = await target.send({
      method: "PATCH",
      path: `${configMaps}/kept?dryRun=All`,
      headers: { "content-type": type },
      body: '{"data":{"__proto__":"x"},"__proto__":{"data":{"y":"z"}},"constructor":{"prototype":{"polluted":"1"}}}',
    });
    expect(status).toBe(200);
    expect(JSON.stringify((body as { data: object }).data)).toBe('{"__proto__":"x","a":"1"}');
  }
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

describe("patches", () => {
  const patch = (type: string, body: string | Buffer, path = `${configMaps}/kept`) =>
    target.refused({ method: "PATCH", path, headers: { "content-type": type }, body });

  test.each([
    ...garbage.filter(([name]) => name !== "a list"),
    ["an operation that is a number", "[1]"],
    ["an operation that is null", "[null]"],
    ["an unknown operation", '[{"op":"zz","path":"/a"}]'],
    ["an operation without a path", '[{"op":"add","value":1}]'],
    ["a path that is a number", '[{"op":"add","path":1}]'],
    ["a failed test", '[{"op":"test","path":"/kind","value":"Pod"}]'],
    ["a move into itself", '[{"op":"move","from":"/metadata","path":"/metadata/name"}]'],
    ["the removal of all", '[{"op":"remove","path":""}]'],
    ["the replacement of all", '[{"op":"replace","path":"","value":[]}]'],
    ["an index beyond all lists", '[{"op":"add","path":"/metadata/finalizers/9999999999999999999","value":"a"}]'],
    ["another name", '[{"op":"replace","path":"/metadata/name","value":"b"}]'],
    ["10,001 operations", JSON.stringify(Array(10_001).fill({ op: "test", path: "/kind", value: "ConfigMap" }))],
  ])("JSON: %s", async (_, body) => {
    await patch(patchTypes.json, body);
  });

  test("JSON: copies of copies of copies", async () => {
    const copies = Array.from({ length: 60 }, (_, i) => ({ op: "copy", from: "/metadata", path: `/metadata/x${i}` }));
    expect(await patch(patchTypes.json, JSON.stringify(copies))).toMatchObject({ code: 422 });
    const deeper = Array.from({ length: 30 }, (_, i) => ({
      op: "add",
      path: "/a".repeat(i * 100 + 1),
      value: JSON.parse(nested(99)),
    }));
    await patch(patchTypes.json, JSON.stringify(deeper));
  });

  test.each([
    ...garbage,
    ["another name", '{"metadata":{"name":"b"}}'],
    ["no name", '{"metadata":{"name":null}}'],
    ["a list for an object", '{"data":[1]}'],
    ["another version", '{"apiVersion":1}'],
    ["labels that are a list", '{"metadata":{"labels":[1]}}'],
    ["finalizers that are objects", '{"metadata":{"finalizers":[{"a":1}]}}'],
  ])("merge and strategic merge: %s", async (_, body) => {
    await patch(patchTypes.merge, body);
    await patch(patchTypes.strategic, body);
  });

  test("any JSON at all, of all three kinds, is answered without a fault", async () => {
    const json = fc.json({ maxDepth: 3, noUnicodeString: false } as object).map(String);
    const types = fc.constantFrom(...Object.values(patchTypes));
    const paths = fc.constantFrom(
      `${configMaps}/kept`,
      `${pods}/kept`,
      `${deployments}/kept`,
      `${deployments}/kept/scale`,
    );
    const fields = fc.constantFrom("metadata", "spec", "data", "status", "$patch", "$setElementOrder/spec", "kind");
    await fc.assert(
      fc.asyncProperty(types, paths, fields, json, async (type, path, field, value) => {
        const body =
          type === patchTypes.json ? `[{"op":"add","path":"/${field}","value":${value}}]` : `{"${field}":${value}}`;
        const request = { method: "PATCH", path: `${path}?dryRun=All`, headers: { "content-type": type }, body };
        const { body: answer } = await target.send(request);
        expect(answer).toMatchObject({ kind: expect.any(String) });
        expect(target.faults, JSON.stringify(request)).toEqual([]);
      }),
      { numRuns: 250 },
    );
  });
});

describe("subresources", () => {
  const wrong: Record<string, string> = {
    nothing: "",
    garbage: "\0{{",
    "a list": "[]",
    "metadata that is a number": '{"metadata":1}',
    "a spec that is a number": '{"metadata":{"name":"kept"},"spec":1,"target":1,"deleteOptions":1}',
    "another kind": '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"kept"}}',
    "another name": '{"metadata":{"name":"other"},"target":{"name":"n"}}',
    "objects in objects": nested(100_000),
  };
  const put = ["PUT", "application/json"] as const;
  const post = ["POST", "application/json"] as const;
  const merge = ["PATCH", patchTypes.merge] as const;
  const strategic = ["PATCH", patchTypes.strategic] as const;
  test.each([
    [`${deployments}/kept/scale`, [put, merge, strategic]],
    [`${deployments}/kept/status`, [put, merge, strategic]],
    [`${pods}/kept/status`, [put, merge, strategic]],
    [`${pods}/kept/ephemeralcontainers`, [put]],
    [`${pods}/kept/binding`, [post]],
    [`${pods}/kept/eviction`, [post]],
    ["/api/v1/namespaces/default/serviceaccounts/default/token", [post]],
    ["/api/v1/namespaces/default/finalize", [put]],
    ["/api/v1/namespaces/default/status", [put, merge]],
  ] as const)("%s", async (path, ways) => {
    for (const [method, type] of ways) {
      for (const [name, body] of Object.entries(wrong)) {
        // A patch need not say the kind, and one of the status drops the rest.
        if (method === "PATCH" && (name === "another kind" || name.startsWith("a spec"))) continue;
        await target.refused({ method, path, headers: { "content-type": type }, body });
      }
    }
  });

  test("a number of replicas that is none", async () => {
    for (const replicas of ['"3"', "1.5", "-1", "99999999999999999999", "{}"]) {
      const body = `{"metadata":{"name":"kept"},"spec":{"replicas":${replicas}}}`;
      const path = `${deployments}/kept/scale`;
      await target.refused({ method: "PUT", path, body });
      await target.refused({ method: "PATCH", path, headers: { "content-type": patchTypes.merge }, body });
    }
  });

  test("a debug container without a name", async () => {
    const path = `${pods}/kept/ephemeralcontainers`;
    const headers = { "content-type": patchTypes.strategic };
    const body = '{"spec":{"ephemeralContainers":[null]}}';
    expect(await target.refused({ method: "PATCH", path, headers, body })).toMatchObject({ code: 422 });
  });
});

test("deletion options that are none", async () => {
  for (const body of [
    "garbage",
    "[]",
    '{"kind":"ConfigMap","apiVersion":"v1"}',
    '{"gracePeriodSeconds":"x"}',
    '{"preconditions":1}',
    '{"preconditions":{"uid":"other"}}',
    '{"propagationPolicy":"zz"}',
    '{"dryRun":["zz"]}',
    '{"orphanDependents":true,"propagationPolicy":"Orphan"}',
    nested(100_000),
  ]) {
    await target.refused({ method: "DELETE", path: `${configMaps}/kept`, body });
  }
});
