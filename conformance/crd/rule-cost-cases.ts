import type { Exchange } from "../differential/exchange.ts";
import type { Case } from "../differential/recorded.ts";
import {
  definition,
  definitions,
  establish,
  type Json,
  post,
  remove,
  rules,
  short,
  text,
  whole,
  widget,
} from "./requests.ts";

const list = (items: Json, maxItems?: number): Json => ({ type: "array", items, ...(maxItems ? { maxItems } : {}) });

/** Nested loops over all of the list: about 8 n³. */
const thrice = "self.l.all(x, self.l.all(y, self.l.all(z, x + y + z >= 0)))";

/** Rules that cost too much when they run. */
export function runtimeCosts(): Case {
  const group = "costs.example.com";
  const l = list(whole, 60);
  const spec: Json = {
    type: "object",
    properties: {
      one: {
        type: "object",
        properties: { l, n: whole },
        ...rules({ rule: thrice, message: "thrice" }, { rule: "self.n > 0" }),
      },
      many: {
        type: "object",
        properties: { l, n: whole },
        ...rules(...Array.from({ length: 12 }, () => ({ rule: thrice })), { rule: "self.n > 0" }),
      },
      failing: {
        type: "object",
        properties: { l },
        ...rules(
          { rule: "false", messageExpression: `${thrice} ? 'cheap' : 'odd'` },
          { rule: "false", message: "last" },
        ),
      },
      either: {
        type: "object",
        properties: { l },
        ...rules({ rule: `true || ${thrice}` }, { rule: `${thrice} || true` }),
      },
      last: { ...whole, ...rules({ rule: "self > 0" }) },
    },
  };
  const numbers = (count: number) => Array.from({ length: count }, (_unused, index) => index);
  const make = (name: string, fields: Json): Exchange =>
    post(`costs: ${name}`, group, widget(group, name, { spec: fields }));
  return {
    name: "costs of rules",
    exchanges: [
      ...establish(definition(group, spec)),
      make("cheap", { one: { l: numbers(10), n: 1 } }),
      make("just-within", { one: { l: numbers(49), n: 1 } }),
      make("just-above", { one: { l: numbers(51), n: 0 } }),
      make("all-together", { many: { l: numbers(46), n: 0 } }),
      make("all-within", { many: { l: numbers(44), n: 1 } }),
      make("message", { failing: { l: numbers(60) } }),
      make("cheap-message", { failing: { l: numbers(5) } }),
      make("either", { either: { l: numbers(60) } }),
      remove(`${definitions}/widgets.${group}`),
    ],
  };
}

/** Definitions whose rules could cost too much. */
export function estimatedCosts(): Case {
  const make = (title: string, properties: Json, ...written: Json[]): Exchange => ({
    title: `estimate: ${title}`,
    method: "POST",
    path: `${definitions}?dryRun=All`,
    body: definition("estimates.example.com", { type: "object", properties, ...rules(...written) }),
  });
  const names = { type: "object", properties: { name: text } };
  const many = Array.from({ length: 15 }, () => ({ rule: "self.l.all(x, self.l.all(y, x != y))" }));
  return {
    name: "estimated costs of rules",
    exchanges: [
      make("loop in a loop", { l: list(text) }, { rule: "self.l.all(x, self.l.all(y, x != y))" }),
      make("loop in a loop of numbers", { l: list(whole) }, { rule: "self.l.all(x, self.l.all(y, x != y))" }),
      make("a pattern of the object's own", { a: text, b: text }, { rule: "self.a.matches(self.b)" }),
      make("contains", { a: text, b: text }, { rule: "self.a.contains(self.b)" }),
      make("loop over objects", { l: list(names) }, { rule: "self.l.all(x, self.l.exists(y, x.name == y.name))" }),
      make(
        "loop over a map",
        { m: { type: "object", additionalProperties: text } },
        {
          rule: "self.m.all(k, self.m.all(j, self.m[k] != self.m[j]))",
        },
      ),
      make(
        "message",
        { l: list(text) },
        {
          rule: "self.l.size() > 1",
          messageExpression: "self.l.all(x, self.l.all(y, x != y)) ? 'a' : 'b'",
        },
      ),
      make("rule of an item", { l: list({ ...text, ...rules({ rule: "self.matches('^[a-z]+[0-9]+$')" }) }) }),
      make("rule of an item of a short list", {
        l: list({ ...text, ...rules({ rule: "self.contains('aaaaaaaaaaaaaaaaaaaaaa')" }) }, 100),
      }),
      make("sort", { l: list(whole, 4000) }, { rule: "self.l.sort() == self.l" }),
      make("all together", { l: list(short, 1000) }, ...many),
      make(
        "dear messages too",
        { l: list(short, 1000) },
        ...many.map(({ rule }) => ({ rule, messageExpression: "self.l.join(',')" })),
      ),
      make("bounded", { l: list(short, 100) }, { rule: "self.l.all(x, self.l.all(y, x != y))" }),
      make("loop over an unbounded list", { l: list(text) }, { rule: "self.l.all(x, x != 'a')" }),
      make("unique", { l: list(text) }, { rule: "self.l.all(x, self.l.exists_one(y, x == y))" }),
    ],
  };
}
