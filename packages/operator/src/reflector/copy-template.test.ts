import { expect, test } from "vitest";
import { parseCopyTemplate, TemplateError } from "./copy-template.ts";

const names = {
  name: "db",
  namespace: "shared",
  targetNamespace: "team-a",
  data: new Map([
    ["user", "Ann "],
    ["pass.word", 'a"b'],
  ]),
};
const render = (text: string) => parseCopyTemplate(text, true).render(names);

test("names and filters", () => {
  expect(render("plain")).toBe("plain");
  expect(render("{{ name }}-{{namespace}}/{{ targetNamespace }}")).toBe("db-shared/team-a");
  expect(render("{{ data.user | trim | lower }}")).toBe("ann");
  expect(render(`{"p":{{ data["pass.word"] | tojson }}}`)).toBe('{"p":"a\\"b"}');
  expect(render("{{ data['user'] | trim | base64 }}")).toBe("QW5u");
});

test("a key that the source does not have is an error that names it", () => {
  expect(() => render("{{ data.absent }}")).toThrow(new TemplateError('the source has no key "absent"'));
});

test.each([
  [
    "{{ nam }}",
    '"{{ nam }}": must be name, namespace, targetNamespace, data.KEY or data["KEY"], and filters after "|"',
  ],
  ["{{ data.a | evil }}", 'no such filter "evil"'],
  ["{{ data.a | constructor }}", 'no such filter "constructor"'],
  ["a {{ name", '"}}" is missing'],
  ["{{ 1 + 1 }}", "must be name"],
  ["{% if x %}{{ }}", "must be name"],
])("%s is refused", (text, message) => {
  expect(() => parseCopyTemplate(text, true)).toThrow(message);
});

test("a copy's name cannot tell a secret", () => {
  expect(() => parseCopyTemplate("{{ data.user }}", false)).toThrow("must be name, namespace, targetNamespace");
});
