import type { Exchange } from "../differential/exchange.ts";
import type { Case } from "../differential/recorded.ts";
import {
  collection,
  create,
  definition,
  definitions,
  establish,
  type Json,
  merge,
  post,
  remove,
  rules,
  short,
  whole,
  widget,
} from "./requests.ts";

const list = (items: Json, rest: Json = {}): Json => ({ type: "array", maxItems: 10, items, ...rest });

const spec: Json = {
  type: "object",
  properties: {
    min: whole,
    max: whole,
    share: { type: "number" },
    name: { ...short, ...rules({ rule: "self == oldSelf", message: "the name stays" }) },
    once: { ...short, ...rules({ rule: "!oldSelf.hasValue()", optionalOldSelf: true, message: "only once" }) },
    "host-name": short,
    since: { type: "string", format: "date-time" },
    size: { "x-kubernetes-int-or-string": true, maxLength: 10 },
    color: { ...short, ...rules({ rule: "self in ['red', 'green']", reason: "FieldValueForbidden" }) },
    label: { ...short, ...rules({ rule: "self.startsWith('a')", reason: "FieldValueRequired", message: " needed " }) },
    parts: list(
      {
        type: "object",
        required: ["id"],
        properties: { id: short, n: { ...whole, ...rules({ rule: "self >= oldSelf" }) } },
      },
      {
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["id"],
        ...rules({ rule: "self.all(p, p.id != 'x')", messageExpression: "size(self) > 1 ? 'x among many' : 'only x'" }),
      },
    ),
    labels: {
      type: "object",
      maxProperties: 5,
      additionalProperties: { ...short, ...rules({ rule: "self.matches('^[a-z]+$')" }) },
    },
    memory: { ...short, ...rules({ rule: "quantity(self).isLessThan(quantity('1Gi'))" }) },
    url: { ...short, ...rules({ rule: "isURL(self) && url(self).getScheme() == 'https'" }) },
    bad: { ...whole, ...rules({ rule: "10 / self > 1" }) },
    needs: { ...short, maxLength: 3 },
  },
  ...rules(
    {
      rule: "!has(self.min) || !has(self.max) || self.min <= self.max",
      message: "min is above max",
      fieldPath: ".min",
    },
    { rule: "!has(self.host__dash__name) || self.host__dash__name != 'bad'" },
    {
      rule: "!has(self.since) || self.since > timestamp('2020-01-01T00:00:00Z')",
      messageExpression: "self.share > 1.0 ? 'a' : 'too long ago'",
    },
    { rule: "!has(self.size) || (type(self.size) == string ? self.size.endsWith('%') : self.size < 5)" },
    { rule: "!has(self.share) || self.share < 1.5" },
  ),
};

/** Rules of a served definition, and the objects they let through. */
export function ruleInstances(): Case {
  const group = "rules.example.com";
  const url = (name: string) => `${collection(group)}/${name}`;
  const make = (name: string, fields: Json): Exchange =>
    post(`rules: ${name}`, group, widget(group, name, { spec: fields }));
  return {
    name: "rules",
    exchanges: [
      ...establish(definition(group, spec)),
      make("fine", {
        min: 1,
        max: 2,
        name: "a",
        "host-name": "good",
        since: "2021-01-01T00:00:00Z",
        size: "5%",
        share: 1,
      }),
      make("min-above", { min: 3, max: 2 }),
      make("hyphen", { "host-name": "bad" }),
      make("timestamp", { since: "2019-01-01T00:00:00Z" }),
      make("int-or-string", { size: 7 }),
      make("int-or-string-text", { size: "7" }),
      make("double", { share: 2 }),
      make("reason", { color: "blue" }),
      make("required", { label: "b" }),
      make("message-expression", { parts: [{ id: "x" }, { id: "y" }] }),
      make("map-value", { labels: { "a.b": "UPPER" } }),
      make("quantity", { memory: "2Gi" }),
      make("no-quantity", { memory: "none" }),
      make("url", { url: "http://a/" }),
      make("division", { bad: 0 }),
      make("blocked", { needs: "too long", color: "blue" }),
      make("parts", { parts: [{ id: "a", n: 2 }], once: "x" }),
      merge("transition refused", url("fine"), { spec: { name: "b" } }),
      merge("transition of an item", url("parts"), {
        spec: {
          parts: [
            { id: "b", n: 1 },
            { id: "a", n: 1 },
          ],
        },
      }),
      merge("only once", url("parts"), { spec: { once: "y" } }),
      merge("a rule that held before", url("fine"), { spec: { min: 9 } }),
      merge("nothing wrong", url("fine"), { spec: { max: 3 } }),
      remove(`${definitions}/widgets.${group}`),
    ],
  };
}

/** Definitions whose rules are wrong. */
export function ruleDefinitions(): Case {
  const make = (title: string, ...written: Json[]): Exchange => {
    const group = "wrong-rules.example.com";
    const properties = { a: short, b: list(short), n: whole, loose: { "x-kubernetes-preserve-unknown-fields": true } };
    return create(`rule: ${title}`, definition(group, { type: "object", properties, ...rules(...written) }));
  };
  const items = (rule: Json): Exchange =>
    create(
      "rule: items without counterpart",
      definition("wrong-rules.example.com", {
        type: "object",
        properties: { b: list({ ...short, ...rules(rule) }) },
      }),
    );
  return {
    name: "rule definitions",
    exchanges: [
      make("unknown field", { rule: "self.zz == 1" }),
      make("wrong types", { rule: "self.a > 1" }),
      make("no bool", { rule: "self.a" }),
      make("unknown variable", { rule: "other == 1" }),
      make("unknown function", { rule: "self.a.shout() == ''" }),
      make("wrong argument", { rule: "self.a.startsWith(1)" }),
      make("field without a type", { rule: "self.loose == 1" }),
      make("message of the wrong type", { rule: "self.a == ''", messageExpression: "self.n" }),
      make("message of an unknown field", { rule: "self.a == ''", messageExpression: "self.zz" }),
      make("optional without oldSelf", { rule: "self.a == ''", optionalOldSelf: true }),
      make("optional oldSelf as if it were there", { rule: "oldSelf.a == ''", optionalOldSelf: true }),
      make("second line", { rule: "self.a == '' &&\nself.zz == ''", message: "m" }),
      items({ rule: "self == oldSelf" }),
    ],
  };
}
