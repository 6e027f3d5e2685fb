import { describe, expect, it } from "vitest";
import { type Authorizer, allowAuthenticated } from "../authorization/authorizer.ts";
import { admissionEnvironment } from "./admission-environment.ts";
import { AuthorizerValue } from "./authorizer-library.ts";
import { compile } from "./program.ts";
import { celValue } from "./values.ts";

const environment = admissionEnvironment();

function evaluate(expression: string, object: unknown, authorizer: Authorizer = allowAuthenticated): unknown {
  const resource = { group: "", version: "v1", resource: "pods", subresource: "", namespace: "n", name: "p" };
  return compile(environment, expression, "bool").evaluate({
    object: celValue(object),
    oldObject: null,
    request: celValue({ operation: "CREATE", userInfo: { username: "u", groups: ["a"] } }),
    authorizer: new AuthorizerValue(authorizer, { username: "u", groups: ["a"] }, resource),
  });
}

describe("an expression", () => {
  it.each([
    ["object.spec.replicas == 3", true],
    ["object.spec.share > 0.4 && object.spec.share < 1.0", true],
    ["has(object.spec.missing)", false],
    ["has(object.metadata.labels) && 'app' in object.metadata.labels", true],
    ["object.metadata.labels['constructor'] == 'x'", true],
    ["object.spec.items.exists(i, i.name == 'b')", true],
    ["object.?spec.?missing.orValue(7) == 7", true],
    ["object.metadata.name.matches('^[a-z]+$')", true],
    ["object.metadata.name.replace('a', 'z') == 'zbc'", true],
    ["[3, 1, 2].max() == 3 && [1, 2].sum() == 3 && [1, 2].isSorted()", true],
    ["'x1y22'.findAll('[0-9]+') == ['1', '22']", true],
    ["oldObject == null", true],
    ["request.userInfo.groups.exists(g, g == 'a')", true],
    ["!('system:masters' in request.userInfo.groups)", true],
    ["authorizer.group('').resource('pods').namespace('n').check('list').allowed()", true],
    ["authorizer.requestResource.check('delete').allowed()", true],
    ["authorizer.path('/healthz').check('get').allowed()", true],
  ])("%s", (expression, expected) => {
    const object = {
      metadata: { name: "abc", labels: { app: "web", constructor: "x" } },
      spec: { replicas: 3, share: 0.5, items: [{ name: "a" }, { name: "b" }] },
    };
    expect(evaluate(expression, object)).toBe(expected);
  });

  it("asks the authorizer about what it says", () => {
    const asked: unknown[] = [];
    const authorizer: Authorizer = {
      authorize(user, attributes) {
        asked.push([user.username, attributes]);
        return { allowed: false };
      },
      rulesFor: () => ({ rules: [] }),
    };
    evaluate(
      "authorizer.serviceAccount('n', 's').group('apps').resource('x').name('y').check('get').allowed()",
      {},
      authorizer,
    );
    const attributes = { type: "resource", verb: "get", group: "apps", version: "*", resource: "x", name: "y" };
    expect(asked).toEqual([["system:serviceaccount:n:s", { ...attributes, subresource: "", namespace: "" }]]);
  });

  it("is stopped when it goes round too often", () => {
    const object = { items: Array.from({ length: 2_000 }, (_, index) => index) };
    const expression = "object.items.all(a, object.items.all(b, a + b >= 0))";
    expect(() => evaluate(expression, object)).toThrow("operation cancelled: actual cost limit exceeded");
    // And the next one has the whole budget.
    expect(evaluate("object.items.all(a, a >= 0)", object)).toBe(true);
  });

  it("is stopped in other loops too", () => {
    const object = { items: Array.from({ length: 2_000 }, (_, index) => index) };
    const expression = "object.items.map(a, object.items.filter(b, b > a)).size() > 0";
    expect(() => evaluate(expression, object)).toThrow("operation cancelled: actual cost limit exceeded");
  });

  it("cannot hang in a regular expression", () => {
    const object = { text: `${"a".repeat(40)}b` };
    expect(evaluate("object.text.matches('^(a+)+$')", object)).toBe(false);
    expect(evaluate("[object.text].exists(t, t.matches('^(a+)+$'))", object)).toBe(false);
  });

  it.each([
    [
      "foo == 1",
      "compilation failed: ERROR: <input>:1:1: undeclared reference to 'foo' (in container '')\n | foo == 1\n | ^",
    ],
    [
      "true &&\n  bar",
      "compilation failed: ERROR: <input>:2:3: undeclared reference to 'bar' (in container '')\n |   bar\n | ..^",
    ],
    [
      "request.foo == 1",
      "compilation failed: ERROR: <input>:1:8: undefined field 'foo'\n | request.foo == 1\n | .......^",
    ],
    ["1 + 1", "must evaluate to bool but got int"],
  ])("%s is refused", (expression, message) => {
    expect(() => compile(environment, expression, "bool")).toThrow(message);
  });
});
