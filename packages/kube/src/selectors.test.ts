import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { formatFieldError } from "./field-error.ts";
import { escapeFieldValue, parseFieldSelector } from "./field-selector.ts";
import {
  formatLabelSelector,
  labelSelectorFromObject,
  labelSelectorFromSet,
  parseLabelSelector,
  validateLabelSelector,
} from "./label-selector.ts";

interface Case {
  type: "label" | "field";
  text: string;
  error?: string;
  shown?: string;
  matches?: [Record<string, string>, boolean][];
}

/** What k8s.io/apimachinery/pkg/labels and fields made of selectors. */
const cases = readFileSync(new URL("./testdata/selectors.jsonl", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Case);

describe("selectors", () => {
  it.each(cases)("$type selector '$text' is read as upstream does", ({ type, text, error, shown, matches }) => {
    const parse = type === "label" ? parseLabelSelector : parseFieldSelector;
    if (error !== undefined) {
      expect(() => parse(text)).toThrow(error);
      return;
    }
    const selector = parse(text);
    expect(selector.toString()).toBe(shown);
    for (const [set, expected] of matches ?? []) expect(selector.matches(set)).toBe(expected);
    expect(parse(selector.toString()).toString()).toBe(shown);
  });
});

describe("label selectors of objects", () => {
  const selector = {
    matchLabels: { app: "web" },
    matchExpressions: [
      { key: "tier", operator: "In", values: ["b", "a"] },
      { key: "env", operator: "NotIn", values: ["dev"] },
      { key: "team", operator: "Exists" },
      { key: "old", operator: "DoesNotExist" },
    ],
  };

  it("mean all their labels and expressions together", () => {
    const parsed = labelSelectorFromObject(selector);
    expect(parsed.matches({ app: "web", tier: "a", team: "x" })).toBe(true);
    expect(parsed.matches({ app: "web", tier: "a", team: "x", old: "" })).toBe(false);
    expect(parsed.matches({ app: "web", tier: "c", team: "x" })).toBe(false);
    expect(formatLabelSelector(selector)).toBe("app=web,env notin (dev),!old,team,tier in (a,b)");
  });

  it("match nothing when absent, everything when empty", () => {
    expect(labelSelectorFromObject(undefined).matches({})).toBe(false);
    expect(labelSelectorFromObject({}).matches({ a: "b" })).toBe(true);
    expect(labelSelectorFromSet({}).matches({ a: "b" })).toBe(true);
    expect(labelSelectorFromSet({ a: "b" }).matches({ a: "b", c: "d" })).toBe(true);
    expect(formatLabelSelector({})).toBe("<none>");
    expect(formatLabelSelector({ matchExpressions: [{ key: "a", operator: "Near" }] })).toBe("<error>");
  });

  it("do not take names of Object.prototype for labels", () => {
    expect(parseLabelSelector("constructor").matches({})).toBe(false);
    expect(parseFieldSelector("constructor!=x").matches({})).toBe(true);
  });

  it("are validated with upstream's texts", () => {
    const wrong = {
      matchLabels: { "-a": "b c" },
      matchExpressions: [
        { key: "a", operator: "In" },
        { key: "a", operator: "Exists", values: ["x"] },
        { key: "a", operator: "Near", values: ["y z"] },
      ],
    };
    const errors = validateLabelSelector(wrong, "spec.selector").map(formatFieldError);
    const shape = (rule: string) => expect.stringContaining(rule);
    expect(errors).toEqual([
      shape('spec.selector.matchLabels: Invalid value: "-a": name part must consist of alphanumeric characters'),
      shape('spec.selector.matchLabels: Invalid value: "b c": a valid label must be an empty string or consist of'),
      "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      "spec.selector.matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
      'spec.selector.matchExpressions[2].operator: Invalid value: "Near": not a valid selector operator',
      shape('spec.selector.matchExpressions[2].values[0]: Invalid value: "y z": a valid label must be'),
    ]);
  });
});

describe("field selectors", () => {
  it("carry any value when it is escaped", () => {
    const value = "a=b,c\\d";
    const selector = parseFieldSelector(`x=${escapeFieldValue(value)}`);
    expect(selector.exactValue("x")).toBe(value);
    expect(selector.requirements).toEqual([{ field: "x", operator: "=", value }]);
    expect(selector.matches({ x: value })).toBe(true);
  });
});
