import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseJson } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import { DecodeError, decodeNative } from "./native.ts";

const pod = "io.k8s.api.core.v1.Pod";
const deployment = "io.k8s.api.apps.v1.Deployment";
const secret = "io.k8s.api.core.v1.Secret";
const definition = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition";

function decode(value: JsonValue, structName: string): JsonObject {
  return decodeNative(value, structName).object;
}

function failure(json: string, structName: string): string {
  try {
    decodeNative(parseJson(json).value, structName);
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError);
    return (error as Error).message;
  }
  return "";
}

/** A pod of one container. */
function container(fields: string): string {
  return `{"spec":{"containers":[{"name":"a",${fields}}]}}`;
}

describe("canonical form", () => {
  test("puts fields in Go's order, sorts maps and writes the structs that Go never omits", () => {
    const object = decode(
      {
        spec: { containers: [{ image: "i", name: "c" }] },
        metadata: { labels: { z: "1", a: "2" }, name: "p" },
        kind: "Pod",
      },
      pod,
    );
    expect(JSON.stringify(object)).toBe(
      '{"kind":"Pod","metadata":{"name":"p","labels":{"a":"2","z":"1"}},' +
        '"spec":{"containers":[{"name":"c","image":"i","resources":{}}]},"status":{}}',
    );
  });

  test("leaves out nulls and what is empty, but keeps what is behind a pointer", () => {
    const object = decode(
      {
        metadata: { name: "p", labels: {}, annotations: null, creationTimestamp: null, finalizers: [] },
        spec: {
          containers: [{ name: "c", image: "", command: [], stdin: false }],
          volumes: [{ name: "v", emptyDir: {} }],
          hostNetwork: false,
          terminationGracePeriodSeconds: 0,
          securityContext: {},
          nodeSelector: {},
        },
      },
      pod,
    );
    expect(object).toEqual({
      metadata: { name: "p" },
      spec: {
        volumes: [{ name: "v", emptyDir: {} }],
        containers: [{ name: "c", resources: {} }],
        terminationGracePeriodSeconds: 0,
        securityContext: {},
      },
      status: {},
    });
  });

  test("writes null for lists and times without omitempty that nobody set", () => {
    expect(decode({}, "io.k8s.api.rbac.v1.Role")).toEqual({ metadata: {}, rules: null });
    expect(decode({ endpoints: [] }, "io.k8s.api.discovery.v1.EndpointSlice")).toEqual({
      metadata: {},
      addressType: "",
      endpoints: [],
      ports: null,
    });
    expect(decode({ type: "Ready", status: "True" }, "io.k8s.api.core.v1.PodCondition")).toEqual({
      type: "Ready",
      status: "True",
      lastProbeTime: null,
      lastTransitionTime: null,
    });
  });

  test("gives null elements the zero value of their type", () => {
    const object = decode({ spec: { containers: [null], nodeSelector: { a: null } } }, pod);
    expect(object["spec"]).toEqual({ containers: [{ name: "", resources: {} }], nodeSelector: { a: "" } });
    expect(decode({ data: { a: null } }, secret)["data"]).toEqual({ a: null });
  });

  test.each([
    ["0.5", "500m"],
    ["1024Mi", "1Gi"],
    ["1500m", "1500m"],
    ["1000m", "1"],
    ["1000", "1k"],
    [" 2 ", "2"],
    [2, "2"],
    [0.1, "100m"],
    [null, "0"],
  ])("quantity %j is %s", (given, wanted) => {
    const object = decode({ limits: { cpu: given } }, "io.k8s.api.core.v1.ResourceRequirements");
    expect(object).toEqual({ limits: { cpu: wanted } });
  });

  test.each([
    ["2024-02-29T03:04:05Z", "2024-02-29T03:04:05Z"],
    ["2024-01-02T03:04:05.678Z", "2024-01-02T03:04:05Z"],
    ["2024-01-02T00:30:00+01:00", "2024-01-01T23:30:00Z"],
    ["0001-01-01T00:00:00Z", undefined],
  ])("time %s is %s", (given, wanted) => {
    const object = decode({ metadata: { creationTimestamp: given } }, pod);
    expect((object["metadata"] as JsonObject)["creationTimestamp"]).toBe(wanted);
  });

  test("a MicroTime keeps six digits", () => {
    const lease = "io.k8s.api.coordination.v1.LeaseSpec";
    expect(decode({ renewTime: "2024-01-02T00:30:00.120000+01:00" }, lease)).toEqual({
      renewTime: "2024-01-01T23:30:00.120000Z",
    });
    expect(failure('{"renewTime":"2024-01-02T00:30:00Z"}', lease)).toBe(
      'parsing time "2024-01-02T00:30:00Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"',
    );
  });

  test("ports are numbers or names as they came", () => {
    const action = "io.k8s.api.core.v1.HTTPGetAction";
    expect(decode({ port: "http" }, action)).toEqual({ port: "http" });
    expect(decode({ port: 80 }, action)).toEqual({ port: 80 });
    expect(decode({}, action)).toEqual({ port: 0 });
  });

  test("integers beyond doubles stay exact", () => {
    const { value } = parseJson('{"metadata":{"generation":9007199254740993}}');
    expect(decode(value, pod)["metadata"]).toEqual({ generation: 9007199254740993n });
  });

  test("base64 loses its line ends", () => {
    expect(decode({ data: { a: "YWJj\nZGVm\r\n", b: "YR==" } }, secret)["data"]).toEqual({ a: "YWJjZGVm", b: "YQ==" });
  });

  test("data without a schema stays as it is", () => {
    const data = { z: null, a: [1, { b: [] }] };
    expect(decode({ data, revision: 1 }, "io.k8s.api.apps.v1.ControllerRevision")["data"]).toEqual(data);
    const managed = [{ manager: "m", fieldsV1: { "f:spec": {} } }];
    expect(decode({ metadata: { managedFields: managed } }, pod)["metadata"]).toEqual({ managedFields: managed });
  });

  test("schemas of custom resources may be a schema or something else", () => {
    const schema = {
      items: { type: "object" },
      additionalProperties: false,
      dependencies: { a: ["b"], c: { type: "string" } },
      enum: [null, 1],
    };
    const name = definition.replace("CustomResourceDefinition", "JSONSchemaProps");
    expect(decode(schema, name)).toEqual(schema);
    expect(decode({ items: [{ type: "string" }, {}], additionalProperties: { type: "x" } }, name)).toEqual({
      items: [{ type: "string" }, {}],
      additionalProperties: { type: "x" },
    });
  });

  test("labels may be named like properties of every JavaScript object", () => {
    const { value } = parseJson('{"metadata":{"labels":{"__proto__":"a","constructor":"b"}}}');
    const labels = (decode(value, pod)["metadata"] as JsonObject)["labels"] as JsonObject;
    expect(Object.entries(labels)).toEqual([
      ["__proto__", "a"],
      ["constructor", "b"],
    ]);
  });

  test("decoding again changes nothing, and the argument stays as it was", () => {
    const name = fc.constantFrom(
      "name",
      "image",
      "resources",
      "limits",
      "containers",
      "ports",
      "volumes",
      "emptyDir",
      "x",
    );
    const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom<JsonValue[]>(null, "", "a", 0, 1, true, "1024Mi"),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(name, tie("value"), { maxKeys: 4 }) as fc.Arbitrary<JsonValue>,
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(name, value), (spec) => {
        const before = JSON.stringify(spec);
        let once: JsonObject;
        try {
          once = decode({ spec: spec as JsonObject }, pod);
        } catch {
          return;
        } finally {
          expect(JSON.stringify(spec)).toBe(before);
        }
        const twice = decodeNative(once, pod);
        expect(twice.unknown).toEqual([]);
        expect(JSON.stringify(twice.object)).toBe(JSON.stringify(once));
      }),
    );
  });
});

describe("unknown fields", () => {
  test("are named in the order they came in and left out", () => {
    const { value } = parseJson(
      `{"x":1,"spec":{"y":2,"containers":[{"name":"a","foo":1,"env":[{"name":"e","vlue":"5","a":{"b":1}}]}],"z":3},"metadata":{"w":{}}}`,
    );
    const { object, unknown } = decodeNative(value, pod);
    expect(unknown).toEqual([
      "x",
      "spec.y",
      "spec.containers[0].foo",
      "spec.containers[0].env[0].vlue",
      "spec.containers[0].env[0].a",
      "spec.z",
      "metadata.w",
    ]);
    expect(object).toEqual({
      metadata: {},
      spec: { containers: [{ name: "a", env: [{ name: "e" }], resources: {} }] },
      status: {},
    });
  });

  test("are case-sensitive, and few enough to show", () => {
    expect(decodeNative({ Spec: {} }, pod).unknown).toEqual(["Spec"]);
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`x${i}`, 1]));
    expect(decodeNative(many, pod).unknown).toHaveLength(100);
  });

  test("in schemas that are items or additionalProperties pass, as upstream reads those apart", () => {
    const schema = { items: { bogus: 1 }, properties: { a: { bogus: 1 } }, additionalProperties: { bogus: 2 } };
    const { unknown } = decodeNative({ spec: { versions: [{ schema: { openAPIV3Schema: schema } }] } }, definition);
    expect(unknown).toEqual(["spec.versions[0].schema.openAPIV3Schema.properties.a.bogus"]);
  });
});

// Each was answered so by kube-apiserver 1.35.4, see native.real.test.ts.
describe("wrong values", () => {
  test.each<[string, string, string]>([
    [
      deployment,
      '{"spec":{"replicas":"x"}}',
      "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      deployment,
      '{"spec":{"replicas":1.5}}',
      "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      deployment,
      '{"spec":{"replicas":99999999999}}',
      "json: cannot unmarshal number 99999999999 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      deployment,
      '{"spec":[]}',
      "json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec",
    ],
    [
      deployment,
      '{"spec":{"template":{"spec":{"containers":{}}}}}',
      "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
    ],
    [
      deployment,
      '{"metadata":{"labels":{"a":1}}}',
      "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
    ],
    [
      deployment,
      '{"metadata":{"creationTimestamp":5}}',
      "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string",
    ],
    [
      deployment,
      '{"metadata":{"creationTimestamp":"2024-02-30T00:00:00Z"}}',
      'parsing time "2024-02-30T00:00:00Z": day out of range',
    ],
    [
      deployment,
      '{"metadata":{"creationTimestamp":"nope"}}',
      'parsing time "nope" as "2006-01-02T15:04:05Z07:00": cannot parse "nope" as "2006"',
    ],
    [
      pod,
      container('"imagePullPolicy":5'),
      "json: cannot unmarshal number into Go struct field Container.spec.containers.imagePullPolicy of type v1.PullPolicy",
    ],
    [
      pod,
      container('"livenessProbe":{"httpGet":3}'),
      "json: cannot unmarshal number into Go struct field Probe.spec.containers.livenessProbe.ProbeHandler.httpGet of type v1.HTTPGetAction",
    ],
    [
      pod,
      container('"livenessProbe":{"httpGet":{"port":true}}'),
      "json: cannot unmarshal bool into Go struct field HTTPGetAction.spec.containers.livenessProbe.ProbeHandler.httpGet.port of type int32",
    ],
    [
      pod,
      container('"resources":{"limits":5}'),
      "json: cannot unmarshal number into Go struct field ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList",
    ],
    [
      pod,
      container('"resources":{"limits":{"cpu":"x"}}'),
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    [
      pod,
      '{"spec":{"hostNetwork":"true","containers":7}}',
      "json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool",
    ],
    [secret, '{"data":{"a":"@@@@"}}', "illegal base64 data at input byte 0"],
    [secret, '{"data":{"a":"abc"}}', "illegal base64 data at input byte 0"],
    [secret, '{"data":{"a":"YWJjZA==YWJj"}}', "illegal base64 data at input byte 8"],
    [
      definition,
      '{"spec":{"versions":[{"schema":{"openAPIV3Schema":{"additionalProperties":5}}}]}}',
      "boolean or JSON schema expected",
    ],
    [pod, "[]", "json: cannot unmarshal array into Go value of type v1.Pod"],
  ])("%s %s", (structName, json, message) => {
    expect(failure(json, structName)).toBe(message);
  });

  test("the first of several is told, in the order they came in", () => {
    const json = '{"spec":{"template":{"spec":{"containers":[{"name":5}]}},"replicas":"z"}}';
    expect(failure(json, deployment)).toBe(
      "json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.name of type string",
    );
  });

  test("nesting too deep to walk is an error, not a crash", () => {
    let schema: JsonObject = {};
    for (let i = 0; i < 200_000; i++) schema = { not: schema };
    expect(() => decodeNative({ spec: { versions: [{ schema: { openAPIV3Schema: schema } }] } }, definition)).toThrow(
      DecodeError,
    );
  });
});
