import { formatFieldError, type JsonObject, type KubeObject } from "@podwright/kube";
import { describe, expect, it } from "vitest";
import { definitionRuleErrors } from "./definition-rules.ts";
import { celIdentifier } from "./identifier.ts";
import { createRuleValidator } from "./rule-validator.ts";

const text = { type: "string" };
const rules = (...written: object[]) => ({ "x-kubernetes-validations": written });
const schemaOf = (spec: object, root: object = {}): JsonObject =>
  ({ type: "object", properties: { spec: { type: "object", ...spec } }, ...root }) as JsonObject;

function problems(schema: JsonObject, spec: unknown, old?: unknown): string[] {
  const object = (value: unknown) => ({ apiVersion: "a/v1", kind: "K", metadata: { name: "n" }, spec: value });
  return (
    createRuleValidator(schema)?.validate(
      object(spec) as unknown as KubeObject,
      old === undefined ? undefined : (object(old) as unknown as KubeObject),
    ) ?? []
  ).map(formatFieldError);
}

describe("a rule", () => {
  const spec = {
    properties: {
      min: { type: "integer" },
      max: { type: "integer" },
      share: { type: "number" },
      "host-name": text,
      at: { type: "string", format: "date-time" },
      for: { type: "string", format: "duration" },
      size: { "x-kubernetes-int-or-string": true },
    },
  };
  it.each([
    ["self.min <= self.max", { min: 1, max: 2 }, true],
    ["self.min <= self.max", { min: 3, max: 2 }, false],
    ["self.share < 1.5", { share: 1 }, true],
    ["self.host__dash__name.startsWith('a')", { "host-name": "abc" }, true],
    ["self.at > timestamp('2020-01-01T00:00:00Z')", { at: "2021-01-01T00:00:00Z" }, true],
    ["self.__for__ > duration('1m')", { for: "2m" }, true],
    ["type(self.size) == string ? self.size == '5%' : self.size < 5", { size: "5%" }, true],
    ["type(self.size) == string ? self.size == '5%' : self.size < 5", { size: 4 }, true],
    ["!has(self.min) || self.min > 0", {}, true],
  ])("%s of %j", (rule, value, holds) => {
    const schema = schemaOf({ ...spec, ...rules({ rule }) });
    expect(definitionRuleErrors(schema, "s")).toEqual([]);
    expect(problems(schema, value)).toEqual(holds ? [] : [`spec: Invalid value: failed rule: ${rule}`]);
  });

  it("says its message, or what its message's expression gives, at its field path", () => {
    const schema = schemaOf({
      ...spec,
      ...rules(
        { rule: "self.min > 0", message: "must be positive", fieldPath: ".min" },
        { rule: "self.max > 9", messageExpression: "'is %d'.format([self.max])", message: "too small" },
        { rule: "self.max > 8", messageExpression: "'is ' + string(self.max)", reason: "FieldValueForbidden" },
      ),
    });
    expect(problems(schema, { min: 0, max: 5 })).toEqual([
      "spec.min: Invalid value: must be positive",
      "spec: Invalid value: is 5",
      "spec: Forbidden: is 5",
    ]);
  });

  it("compares with the old object, and lets through what was wrong before", () => {
    const immutable = schemaOf({ properties: { name: { ...text, ...rules({ rule: "self == oldSelf" }) } } });
    expect(problems(immutable, { name: "a" })).toEqual([]);
    expect(problems(immutable, { name: "a" }, { name: "a" })).toEqual([]);
    expect(problems(immutable, { name: "b" }, { name: "a" })).toEqual([
      'spec.name: Invalid value: "b": failed rule: self == oldSelf',
    ]);
    const short = schemaOf({ properties: { name: { ...text, ...rules({ rule: "self.size() < 3" }) }, other: text } });
    expect(problems(short, { name: "long", other: "b" }, { name: "long", other: "a" })).toEqual([]);
    expect(problems(short, { name: "longer" }, { name: "long" })).toHaveLength(1);
    const once = schemaOf({
      properties: {
        name: { ...text, ...rules({ rule: "!oldSelf.hasValue() || self == 'x'", optionalOldSelf: true }) },
      },
    });
    expect(problems(once, { name: "a" })).toEqual([]);
    expect(problems(once, { name: "b" }, { name: "a" })).toHaveLength(1);
  });

  it("sees items of lists and maps, and the old item by its keys", () => {
    const item = {
      type: "object",
      properties: { name: text, n: { type: "integer", ...rules({ rule: "self >= oldSelf" }) } },
    };
    const schema = schemaOf({
      properties: {
        items: { type: "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], items: item },
        labels: { type: "object", additionalProperties: { ...text, ...rules({ rule: "self != ''" }) } },
      },
    });
    const before = {
      items: [
        { name: "a", n: 5 },
        { name: "b", n: 1 },
      ],
    };
    expect(
      problems(
        schema,
        {
          items: [
            { name: "b", n: 1 },
            { name: "a", n: 4 },
          ],
        },
        before,
      ),
    ).toEqual(["spec.items[1].n: Invalid value: 4: failed rule: self >= oldSelf"]);
    expect(problems(schema, { labels: { "a.b": "" } })).toEqual([
      `spec.labels[a.b]: Invalid value: "": failed rule: self != ''`,
    ]);
  });

  it("sees the root with its name, and tells what went wrong when it runs", () => {
    const schema = schemaOf(spec, rules({ rule: "self.metadata.name == 'other'" }, { rule: "self.spec.min == 1" }));
    expect(problems(schema, {})).toEqual([
      "<nil>: Invalid value: failed rule: self.metadata.name == 'other'",
      '<nil>: Invalid value: "object": no such key: min evaluating rule: self.spec.min == 1',
    ]);
  });

  it("is stopped when it takes too long", () => {
    const all = "self.xs.all(a, self.xs.all(b, self.xs.all(c, a + b + c >= 0)))";
    const schema = schemaOf({
      properties: { xs: { type: "array", items: { type: "integer" } } },
      ...rules({ rule: all }),
    });
    const [problem] = problems(schema, { xs: Array.from({ length: 2000 }, () => 1) });
    expect(problem).toContain("no further validation rules will be run");
  });
});

describe("a definition's rules", () => {
  const errors = (...written: object[]) =>
    definitionRuleErrors(
      schemaOf({ properties: { a: text, b: { type: "array", items: text } }, ...rules(...written) }),
      "s",
    ).map(({ field, detail }) => `${field}: ${detail.split("\n")[0]}`);

  it("must name fields that there are, with types that fit", () => {
    const at = "s.properties[spec].x-kubernetes-validations[0].rule: ";
    expect(errors({ rule: "self.zz == 1" })).toEqual([
      `${at}compilation failed: ERROR: <input>:1:5: undefined field 'zz'`,
    ]);
    expect(errors({ rule: "self.a > 1" })).toEqual([
      `${at}compilation failed: ERROR: <input>:1:8: found no matching overload for '_>_' applied to '(string, int)'`,
    ]);
    expect(errors({ rule: "self.a" })).toEqual([`${at}cel expression must evaluate to a bool`]);
    expect(errors({ rule: "self.a == ''", messageExpression: "1" })).toEqual([
      "s.properties[spec].x-kubernetes-validations[0].messageExpression: messageExpression must evaluate to a string",
    ]);
    expect(errors({ rule: "self.a == ''", optionalOldSelf: true })).toEqual([
      "s.properties[spec].x-kubernetes-validations[0].optionalOldSelf: may not be set if oldSelf is not used in rule",
    ]);
  });

  it("may not compare items that have no counterpart", () => {
    const schema = schemaOf({
      properties: { b: { type: "array", maxItems: 9, items: { ...text, ...rules({ rule: "self == oldSelf" }) } } },
    });
    expect(definitionRuleErrors(schema, "s")).toMatchObject([
      {
        detail:
          "oldSelf cannot be used on the uncorrelatable portion of the schema within s.properties[spec].properties[b]",
      },
    ]);
  });
});

it.each([
  ["plain", "plain"],
  ["a-b.c/d", "a__dash__b__dot__c__slash__d"],
  ["a__b", "a__underscores__b"],
  ["namespace", "__namespace__"],
  ["1st", undefined],
  ["ä", undefined],
])("the field %s is %s in expressions", (field, identifier) => {
  expect(celIdentifier(field)).toBe(identifier);
});
