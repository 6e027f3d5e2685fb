import { expect, it } from "vitest";
import { encodeYaml, YamlSyntaxError, yamlToJson } from "./yaml.ts";

it.each([
  ["a: 1\nb: [x, 'y']", { a: 1, b: ["x", "y"] }],
  ["a: yes\nb: 'yes'\nc: off", { a: true, b: "yes", c: false }],
  ["mode: 0644", { mode: 420 }],
  ["a: 2026-01-01T00:00:00Z", { a: "2026-01-01T00:00:00Z" }],
  ["a: &x {b: 1}\nc: *x", { a: { b: 1 }, c: { b: 1 } }],
  ["1: a", { "1": "a" }],
  ["a:", { a: null }],
])("reads %j", (text, value) => {
  expect(JSON.parse(yamlToJson(text))).toEqual(value);
});

it("keeps integers that a double cannot hold, and duplicate keys", () => {
  expect(yamlToJson("a: 9007199254740993\na: 1")).toBe('{"a":9007199254740993,"a":1}');
});

it("says what is wrong with other text", () => {
  expect(() => yamlToJson("a: [")).toThrow(YamlSyntaxError);
});

it("refuses documents that grow without end", () => {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"];
  for (let i = 1; i < 12; i++)
    lines.push(`a${i}: &a${i} [${Array.from({ length: 9 }, () => `*a${i - 1} `).join(", ")}]`);
  expect(() => yamlToJson(lines.join("\n"))).toThrow("excessive aliasing");
});

it("writes YAML", () => {
  expect(encodeYaml({ b: 1, a: { c: "yes" } })).toBe('a:\n  c: "yes"\nb: 1\n');
});
