import { expect, test } from "vitest";
import { renderTemplates } from "./template.ts";

const vars = {
  REG: "registry:5000",
  TAG: "1.4.2",
  N: 3,
  ON: false,
  LIST: ["a", "b"],
  MAP: { k: { deep: 1 } },
  EMPTY: "",
};
const render = async (value: string) => (await renderTemplates({ value }, vars))["value"];

test.each([
  ["{{ vars.REG }}/app:{{ vars.TAG }}", "registry:5000/app:1.4.2"],
  ["{{ vars.N }}", 3],
  ["{{vars.ON}}", false],
  ["{{ vars.LIST }}", ["a", "b"]],
  ["{{ vars.MAP.k }}", { deep: 1 }],
  ["n={{ vars.N }} on={{ vars.ON }} list={{ vars.LIST }}", 'n=3 on=false list=["a","b"]'],
  ["{{ vars.MISSING | default('x') }}", "x"],
  ["{{ vars.MISSING.deeper | default(vars.N) }}", 3],
  ["{{ vars.EMPTY | default('x') }}", ""],
  ["{{ vars.EMPTY | default('x', true) }}", "x"],
  ["{{ vars.REG | upper }}", "REGISTRY:5000"],
  ["{{ vars.TAG | replace('.', '-') | lower }}", "1-4-2"],
  ["{{ vars.MAP | tojson }}", '{"k":{"deep":1}}'],
  ["{{ vars.LIST | join(',') }}", "a,b"],
  ["{{ '7' | int + 1 }}", 8],
  ["{{ vars.LIST[1] }}", "b"],
  ["{{ 'yes' if vars.N > 2 else 'no' }}", "yes"],
  ["{{ vars.MISSING is defined }}", false],
  ["{{ 'a' in vars.LIST and not vars.ON }}", true],
  ["line\n{{ vars.N }}\n", "line\n3\n"],
  ["  a {{- vars.N -}} b", "  a3b"],
  ["{% raw %}{{ vars.N }}{% endraw %}", "{{ vars.N }}"],
  ["{{ .Release.Name }}-{{ vars.N }}", "{{ .Release.Name }}-3"],
  ["{{ $x }}", "{{ $x }}"],
  ["{{ '}}' }}", "}}"],
  ["a { b } {% x", "a { b } {% x"],
])("%j renders as %j", async (template, expected) => {
  expect(await render(template)).toEqual(expected);
});

test.each([
  ["{{ vars.TYPO }}", ".value: unknown name vars.TYPO; there are vars.REG, vars.TAG"],
  ["a {{ TAG }}", ".value: unknown name TAG; names are vars.NAME"],
  ["{{ vars.REG", ".value: {{ without }}"],
  ["{{ include 'x' . }}", ".value: {{ include 'x' . }} is not an expression"],
  ["{% for x in range(9) %}{% endfor %}", ".value: {% for %} is not supported"],
  ["{{ range(1000000000) }}", ".value: functions cannot be called"],
  ["{{ vars.LIST.append(1) }}", "functions cannot be called"],
  ["{{ vars.constructor }}", "unknown name vars.constructor"],
  ["{{ vars.__proto__ }}", "unknown name vars.__proto__"],
  ["{{ vars.REG.length }}", "unknown name vars.REG.length"],
  ["{{ vars.N | nope }}", 'unknown filter "nope"; there are'],
  ["{{ vars.N | join }}", "a number is not a list"],
  ["{{ 1 / 0 }}", "division by zero"],
])("%j is refused: %s", async (template, message) => {
  await expect(render(template)).rejects.toThrow(message);
});

test("the path of an error leads through maps, lists and odd keys", async () => {
  const values = { a: { "b.c": [{ d: "{{ vars.X }}" }] } };
  await expect(renderTemplates(values, {})).rejects.toThrow('.a["b.c"][0].d: unknown name vars.X; spec.vars is empty');
});

test("templates can neither hang nor fill the memory", async () => {
  const grow = `{{ "aaaaaaaaaa" ${'| replace("a", "aaaaaaaaaa")'.repeat(9)} }}`;
  await expect(render(grow)).rejects.toThrow("longer than");
  await expect(render(`{{ ${"(".repeat(500)}1${")".repeat(500)} }}`)).resolves.toBeDefined();
  await expect(render(`{{ ${" ".repeat(2_000)}1 ${"+1".repeat(2_000)} }}`)).rejects.toThrow("expression longer than");
  const big = "x".repeat(100_000);
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, "{{ vars.BIG }} {{ vars.BIG }}"]));
  await expect(renderTemplates(many, { BIG: big })).rejects.toThrow("the values are larger than");
});

test("values without templates are given as they are", async () => {
  const values = { a: "{ }", b: [1, null, true], c: { d: "x" } };
  expect(await renderTemplates(values, {})).toBe(values);
});
