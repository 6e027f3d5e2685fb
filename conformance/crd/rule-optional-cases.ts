import type { Exchange } from "../differential/exchange.ts";
import type { Case } from "../differential/recorded.ts";
import {
  create,
  definition,
  definitions,
  establish,
  type Json,
  post,
  remove,
  rules,
  short,
  shows,
  whole,
  widget,
} from "./requests.ts";

const fields = { a: short, b: short, m: { type: "object", maxProperties: 5, additionalProperties: short } };

/** About 53 for each pair of the list: of 136 it is within the limit. */
const dear =
  "self.all(x, self.all(y, [?optional.of(x), ?optional.none(), y].size() + {?'a': optional.of(y), 'b': x}.size() > 0))";

/** Elements and entries that are there when an optional has a value, and types of addresses. */
export function optionalElements(): Case {
  const group = "optional-elements.example.com";
  const pairs = { type: "array", maxItems: 250, items: whole, ...rules({ rule: dear, message: "dear" }) };
  const spec: Json = {
    type: "object",
    properties: { ...fields, pairs },
    ...shows(
      "true ? [?self.?a, 'x'] : []",
      "true ? ['x', ?self.?a, ?optional.none(), ?optional.of('y')] : []",
      "[?self.?a, ?self.?b].size()",
      "true ? [ ? self.?m[?'k'] , 'a?b', \"[?\"] : []",
      "true ? [[?self.?a], [?self.?b]] : []",
      "[?(self.?a)] == ['v']",
      "'v' in [?self.?a]",
      "[?self.?a].map(each, each + '!')",
      "[1, 2].map(n, [?(n > 1 ? optional.of(n) : optional.none())])",
      "{'k': 'v', ?'a': self.?a}.size()",
      "{?'a': self.?a, ?'b': self.?b}.map(k, k).size()",
      "{?'a': self.?a} == {'a': 'v'}",
      "{?'a': optional.of(1)}['a']",
      "{?'a': self.?a}[?'a'].orValue('none')",
      "has(self.m) ? [?self.m[?'k']] : ['no map']",
      "type(ip('1.2.3.4')) == net.IP",
      "type(cidr('10.0.0.0/8')) == net.CIDR",
      "type(ip('::1')) == net.CIDR",
    ),
  };
  let count = 0;
  const make = (values: Json): Exchange =>
    post(`with ${JSON.stringify(values)}`, group, widget(group, `w${count++}`, { spec: values }));
  const refused = (rule: string): Exchange =>
    create(
      `refused: ${rule}`,
      definition("refused-elements.example.com", { type: "object", properties: fields, ...rules({ rule }) }),
    );
  return {
    name: "optional elements",
    exchanges: [
      ...establish(definition(group, spec)),
      make({}),
      make({ a: "v" }),
      make({ a: "v", b: "w", m: { k: "in the map" } }),
      ...[136, 137].map((count) => ({
        ...make({ pairs: Array.from({ length: count }, () => 1) }),
        title: `pairs of ${count}`,
      })),
      remove(`${definitions}/widgets.${group}`),
      ...[
        "[?1] == [1]",
        "[?self.a].size() > 0",
        "{?'a': 1}.size() > 0",
        "{?'a': self.a}.size() > 0",
        "[1, ?optional.of('x')].size() > 0",
        "{'a': 1, ?'b': optional.of('x')}.size() > 0",
        "[?self.?a] == [1]",
      ].map(refused),
    ],
  };
}
