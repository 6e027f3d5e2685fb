import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fieldErrorCause, formatFieldError } from "../field-error.ts";
import type { JsonObject } from "../object.ts";
import { defaultBySchema, pruneNullsBySchema } from "./default.ts";
import { pruneBySchema } from "./prune.ts";
import { createSchemaValidator, validateBySchema } from "./validate.ts";
import { validateStructuralSchema } from "./validate-structural.ts";

interface Case {
  schema: JsonObject;
  schemaErrors: string[];
  /** Absent where the schema is no structural one. */
  value?: JsonObject;
  unknown?: string[];
  pruned?: JsonObject;
  withoutNulls?: JsonObject;
  defaulted?: JsonObject;
  errors?: string[];
}

/** What k8s.io/apiextensions-apiserver made of random schemas and values for them. */
const cases = readFileSync(new URL("./testdata/schemas.jsonl", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line, index) => ({ ...(JSON.parse(line) as Case), index }));

const options = {
  compilePattern: (pattern: string) => {
    const expression = new RegExp(pattern);
    return (value: string) => expression.test(value);
  },
};

describe("random schemas", () => {
  const path = "spec.validation.openAPIV3Schema";

  it.each(cases)("$index: the schema is judged as upstream does", ({ schema, schemaErrors }) => {
    const errors = validateStructuralSchema(schema, path, options).map(formatFieldError);
    expect(errors.sort()).toEqual(schemaErrors.sort());
  });

  it.each(cases.filter(({ value }) => value !== undefined))(
    "$index: a value is pruned, defaulted and validated as upstream does",
    ({ schema, value, unknown, pruned, withoutNulls, defaulted, errors }) => {
      const actual = structuredClone(value) as JsonObject;
      expect(pruneBySchema(actual, schema)).toEqual(unknown);
      expect(actual).toEqual(pruned);
      pruneNullsBySchema(actual, schema);
      expect(actual).toEqual(withoutNulls);
      defaultBySchema(actual, schema);
      expect(actual).toEqual(defaulted);
      const found = validateBySchema(actual, schema, "", options);
      const shown = found.map((error) => `${fieldErrorCause(error.type)} ${formatFieldError(error)}`);
      // Upstream goes through properties in the order of a Go map.
      expect(shown.sort()).toEqual(errors?.sort());
    },
  );
});

const spec: JsonObject = {
  type: "object",
  required: ["image"],
  properties: {
    image: { type: "string", pattern: "^[a-z]+$", maxLength: 8 },
    replicas: { type: "integer", minimum: 0, default: 1 },
    mode: { type: "string", enum: ["a", "b"], default: "a" },
    port: { "x-kubernetes-int-or-string": true },
    free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
    labels: { type: "object", additionalProperties: { type: "string" } },
    set: { type: "array", items: { type: "string" }, "x-kubernetes-list-type": "set" },
    ports: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["port", "protocol"],
      items: {
        type: "object",
        required: ["port"],
        properties: {
          port: { type: "integer" },
          protocol: { type: "string", default: "TCP" },
          name: { type: "string" },
        },
      },
    },
  },
};
const schema: JsonObject = { type: "object", properties: { spec } };

function messages(value: JsonObject): string[] {
  return validateBySchema({ spec: value }, schema, "", options).map(formatFieldError);
}

describe("validation", () => {
  it("names fields and rules as upstream does", () => {
    expect(messages({ image: "web" })).toEqual([]);
    expect(messages({ image: "web", replicas: "3", port: true })).toEqual([
      'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
      'spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
    ]);
    expect(messages({ image: "WEB", replicas: -1, mode: "c" })).toEqual([
      "spec.image: Invalid value: \"WEB\": spec.image in body should match '^[a-z]+$'",
      "spec.replicas: Invalid value: -1: spec.replicas in body should be greater than or equal to 0",
      'spec.mode: Unsupported value: "c": supported values: "a", "b"',
    ]);
    expect(messages({ labels: { x: 1 } })).toEqual([
      'spec.labels.x: Invalid value: "integer": spec.labels.x in body must be of type string: "integer"',
      "spec.image: Required value",
    ]);
  });

  it("finds repeated elements of sets and maps", () => {
    const ports = [{ port: 80 }, { port: 80, protocol: "UDP" }, { port: 80 }];
    expect(messages({ image: "a", set: ["x", "y", "x"], ports })).toEqual([
      'spec.set[2]: Duplicate value: "x"',
      'spec.ports[2]: Duplicate value: {"port":80}',
    ]);
  });

  it("is relative to a path, as for the status alone", () => {
    expect(validateBySchema({ image: 1 }, spec, "status").map(formatFieldError)).toEqual([
      'status.image: Invalid value: "integer": image in body must be of type string: "integer"',
    ]);
  });

  it("takes bigints for integers and other whole numbers too large for them for floats", () => {
    const validator = createSchemaValidator({ type: "integer" });
    expect(validator.validate(9007199254740993n, "n")).toEqual([]);
    expect(validator.validate(1e20, "n")).toHaveLength(1);
  });

  it("compiles each pattern once", () => {
    let compiled = 0;
    const counting = {
      compilePattern: () => {
        compiled++;
        return () => true;
      },
    };
    const validator = createSchemaValidator(schema, counting);
    for (let i = 0; i < 3; i++) validator.validate({ spec: { image: "a" } });
    expect(compiled).toBe(1);
  });
});

describe("pruning", () => {
  it("drops what the schema does not know and says what", () => {
    const value = { spec: { image: "a", typo: 1, free: { any: 1 }, ports: [{ port: 1, x: 2 }] }, other: {} };
    expect(pruneBySchema(value, schema)).toEqual(["other", "spec.ports[0].x", "spec.typo"]);
    expect(value).toEqual({ spec: { image: "a", free: { any: 1 }, ports: [{ port: 1 }] } });
  });

  it("keeps what every object has at the root", () => {
    const value = { apiVersion: "v1", kind: "A", metadata: { name: "a" }, x: 1 };
    expect(pruneBySchema(value, schema, { resourceRoot: true })).toEqual(["x"]);
    expect(value).toEqual({ apiVersion: "v1", kind: "A", metadata: { name: "a" } });
  });
});

describe("defaults", () => {
  it("fill in what is absent, and nulls where there may be none", () => {
    const value = { spec: { image: "a", replicas: null, ports: [{ port: 1 }] } };
    defaultBySchema(value, schema);
    expect(value).toEqual({ spec: { image: "a", replicas: 1, mode: "a", ports: [{ port: 1, protocol: "TCP" }] } });
  });

  it("are copied: two objects share nothing", () => {
    const shared: JsonObject = { type: "object", properties: { a: { type: "object", default: { list: [] } } } };
    const [one, two]: JsonObject[] = [{}, {}];
    defaultBySchema(one, shared);
    defaultBySchema(two, shared);
    expect(one).toEqual(two);
    expect(one?.["a"]).not.toBe(two?.["a"]);
  });
});
