import { formatFieldError } from "@podwright/kube";
import { expect, test } from "vitest";
import { pullProblem } from "./reflection-rules.ts";
import type { SecretReflector, SecretReflectorSpec } from "./secret-reflector.ts";
import { validateReflector } from "./validate.ts";

const reflector = (spec: SecretReflectorSpec): SecretReflector => ({
  apiVersion: "k8s.kubit.ir/v1alpha1",
  kind: "SecretReflector",
  metadata: { name: "r", namespace: "shared" },
  spec,
});
const errors = (spec: SecretReflectorSpec) => validateReflector(reflector(spec)).map(formatFieldError);
const secret = { name: "registry" };
const targets = { namespaces: ["team-*"] };

test("what works is let through", () => {
  expect(errors({ secret, targets })).toEqual([]);
  expect(errors({ secret: { selector: {} }, allow: { namespaceSelector: {} } })).toEqual([]);
  expect(errors({ configMap: { name: "ca" }, targets, copy: { name: "{{ name }}-{{ namespace }}" } })).toEqual([]);
  expect(errors({ secret, targets: { namespaces: ["shared"] }, copy: { name: "other" } })).toEqual([]);
});

test.each<[string, SecretReflectorSpec, string]>([
  ["no source", { targets }, "spec.secret: Required value: what to copy: secret or configMap"],
  ["two sources", { secret, configMap: secret, targets }, "spec.configMap: Forbidden: may not be given beside"],
  ["no name", { secret: {}, targets }, "spec.secret.name: Required value: a name or a selector is needed"],
  ["name and selector", { secret: { ...secret, selector: {} }, targets }, "spec.secret.selector: Forbidden"],
  ["no targets", { secret }, "spec.targets: Required value: name namespaces or a namespaceSelector"],
  [
    "a bad glob",
    { secret, targets: { namespaces: ["a", "team_*"] } },
    'spec.targets.namespaces[1]: Invalid value: "team_*": must be the name of a namespace, in which * stands',
  ],
  ["a bad exclusion", { secret, targets: { ...targets, exclude: [""] } }, "spec.targets.exclude[0]: Invalid value"],
  [
    "a bad selector",
    { secret, allow: { namespaceSelector: { matchExpressions: [{ key: "a", operator: "Like" }] } } },
    'spec.allow.namespaceSelector.matchExpressions[0].operator: Invalid value: "Like"',
  ],
  [
    "a bad template",
    { secret, targets, copy: { template: { a: "{{ data.x | rot13 }}" } } },
    'spec.copy.template[a]: Invalid value: "{{ data.x | rot13 }}": "{{ data.x | rot13 }}": no such filter "rot13"',
  ],
  ["a bad new key", { secret, targets, copy: { rename: { a: "b/c" } } }, 'spec.copy.rename[a]: Invalid value: "b/c"'],
  [
    "two keys under one name",
    { secret, targets, copy: { rename: { a: "c", b: "c" } } },
    'spec.copy.rename[b]: Invalid value: "c": is the new name of a already',
  ],
  ["a bad name", { secret, targets, copy: { name: "A b" } }, 'spec.copy.name: Invalid value: "A b": gives "A b"'],
  [
    "one name for many",
    { secret: { selector: {} }, targets, copy: { name: "x" } },
    'spec.copy.name: Invalid value: "x": must contain {{ name }}',
  ],
  [
    "its own source",
    { secret, targets: { namespaces: ["a", "shared"] } },
    'spec.targets.namespaces[1]: Invalid value: "shared": is the source\'s own namespace',
  ],
  [
    "a label of ours",
    { secret, targets, copy: { labels: { "podwright.dev/reflected-from": "x" } } },
    "spec.copy.labels[podwright.dev/reflected-from]: Forbidden",
  ],
  ["a type of a ConfigMap", { configMap: secret, targets, copy: { type: "x" } }, "spec.copy.type: Forbidden"],
])("%s is refused", (_name, spec, message) => {
  expect(errors(spec).join("\n")).toContain(message);
});

test.each([
  ["shared", '"shared": must be NAMESPACE/NAME of a SecretReflector'],
  ["shared/a, a/b/c", '"a/b/c": must be NAMESPACE/NAME of a SecretReflector'],
  ["Shared/a", '"Shared/a": "Shared" is no name of a namespace: '],
  ["shared/a_b", '"shared/a_b": "a_b" is no name of a SecretReflector: '],
])("a namespace that asks for %s is refused", (text, message) => {
  expect(pullProblem(asking(text))).toContain(`metadata.annotations[podwright.dev/reflect-from]: ${message}`);
});

test("a namespace may ask several reflectors, and none", () => {
  expect(pullProblem(asking("shared/a, shared/b\n other/c.d"))).toBeUndefined();
  expect(pullProblem(asking(""))).toBeUndefined();
});

function asking(text: string) {
  const annotations = { "podwright.dev/reflect-from": text };
  return { apiVersion: "v1", kind: "Namespace", metadata: { name: "team", annotations } };
}
