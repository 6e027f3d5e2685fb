import type { Exchange } from "../differential/exchange.ts";
import type { Case } from "../differential/recorded.ts";
import {
  collection,
  definition,
  definitions,
  establish,
  type Json,
  merge,
  post,
  remove,
  shows,
  text,
  whole,
  widget,
} from "./requests.ts";

const holds = (...expressions: string[]): Json => ({
  "x-kubernetes-validations": expressions.map((rule) => ({ rule })),
});

const formats =
  "dns1123Label dns1123Subdomain dns1035Label qualifiedName dns1123LabelPrefix dns1123SubdomainPrefix dns1035LabelPrefix labelValue uri uuid byte date datetime".split(
    " ",
  );
const numbers = (args: string): string => `[semver(${args}).major(), semver(${args}).minor(), semver(${args}).patch()]`;

/** format.*, semver() and what strings can do, about texts. */
export function textLibraries(): Case {
  const group = "texts.example.com";
  const field: Json = { ...text, maxLength: 70 };
  const spec: Json = {
    type: "object",
    properties: {
      shown: {
        ...field,
        ...shows(
          ...formats.map((name) => `format.${name}().validate(self).orValue(['${name}'])`),
          "format.named(self).hasValue()",
          `isSemver(self) ? ${numbers("self")} : []`,
          `isSemver(self, true) ? ${numbers("self, true")} : []`,
          "isSemver(self) ? semver(self).compareTo(semver('1.2.3-beta.2')) : 7",
          "isSemver(self) && semver(self).isLessThan(semver('1.2.3'))",
          "isSemver(self) && semver(self).isGreaterThan(semver('1.2.3'))",
          "isSemver(self) && semver(self) == semver('1.2.3-alpha.1')",
          "strings.quote(self)",
          "'%s has %d'.format([self, size(self)])",
          "self.matches('^[a-z.]+$')",
        ),
      },
      version: { ...field, ...holds("semver(self).major() >= 0") },
      loose: { ...field, ...holds("semver(self, true).major() >= 0") },
    },
  };
  const shown = [
    "abc",
    "uuid",
    "-a.b_",
    "a-",
    "",
    "1.2.3-alpha.1+b",
    "v1.02",
    "01.2.3",
    "https://a.b/c?d",
    "a b",
    "UP/low",
  ];
  const others = [
    "6fa459ea-ee8a-3ca4-894e-db77e160355e",
    "aGVsbG8=",
    "2021-01-31",
    "2021-01-01T00:00:00Z",
    'say "x"\n\\',
  ];
  const versions = [
    "",
    "1",
    "1.2",
    "a.2.3",
    "1.b.3",
    "1.2.c",
    "01.2.3",
    "1.02.3",
    "1.2.03",
    "1.2.",
    "1.2.3-",
    "1.2.3-01",
  ];
  const more = ["1.2.3-a_b", "1.2.3+", "1.2.3+a_b", "99999999999999999999.1.1", "v1.2.3", "1.2-a", "1.2.3-1.x"];
  let count = 0;
  const make = (fields: Json): Exchange =>
    post(`text: ${JSON.stringify(fields)}`, group, widget(group, `w${count++}`, { spec: fields }));
  return {
    name: "libraries about texts",
    exchanges: [
      ...establish(definition(group, spec)),
      ...[...shown, ...others].map((each) => make({ shown: each })),
      ...[...versions, ...more].map((each) => make({ version: each, loose: each })),
      remove(`${definitions}/widgets.${group}`),
    ],
  };
}

/** Lists, loops with two variables and optionals. */
export function collectionLibraries(): Case {
  const group = "collections.example.com";
  const short: Json = { ...text, maxLength: 10 };
  const list = (items: Json): Json => ({ type: "array", maxItems: 8, items });
  const item: Json = { type: "object", properties: { name: short, size: whole } };
  const spec: Json = {
    type: "object",
    properties: {
      names: list(short),
      sizes: list(whole),
      items: list(item),
      map: { type: "object", maxProperties: 5, additionalProperties: short },
      maybe: short,
      nested: item,
    },
    required: ["names", "sizes", "items", "map"],
    ...shows(
      "self.names.sort()",
      "self.names.reverse()",
      "self.names.distinct()",
      "self.names.slice(1, 3)",
      "self.sizes.distinct()",
      "self.sizes.sort()",
      "self.items.sortBy(i, i.size).map(i, i.name)",
      "self.items.sortBy(i, i.name).map(i, i.name)",
      "[[self.names], [self.names]].flatten()",
      "[[1, 2], [3]].flatten()",
      "[[[1, 2]], [[3]]].flatten(2)",
      "lists.range(4)",
      "[self.names.first().orValue('none'), self.names.last().orValue('none')]",
      "[optional.of('a'), optional.none()].unwrapOpt()",
      "optional.unwrap([optional.of('a'), optional.of('b')])",
      "self.names.all(i, n, i < 3 && n != '')",
      "self.names.exists(i, n, i == 1 && n == 'b')",
      "self.names.existsOne(i, n, n == 'a')",
      "self.map.all(k, v, k != v)",
      "self.names.transformList(i, n, [string(i), n])",
      "self.names.transformList(i, n, i > 0, n)",
      "self.map.transformList(k, v, k + v).sort()",
      "self.map.transformMap(k, v, v + '!')['k']",
      "self.map.transformMap(k, v, v + '!')",
      "self.map.transformMap(k, v, k == 'k', v)",
      "self.map.transformMapEntry(k, v, {v: k})['v']",
      "self.names.transformMapEntry(i, n, {n: i})",
      "self.?maybe.optMap(m, m.size()).orValue(-1)",
      "self.?nested.optFlatMap(n, n.?name).orValue('no name')",
      "self.?nested.?name.or(optional.of('other')).value()",
      "optional.ofNonZeroValue(self.sizes.sum()).hasValue()",
      "self.names[?1].orValue('too short')",
      "has(self.items[0].size)",
      "self.names.filter(n, n in [self.names[0], 'c'])",
      "self.items.exists(i, i == self.items[0])",
      "[self.names.indexOf('b'), self.sizes.lastIndexOf(2)]",
      "[self.sizes.min(), self.sizes.max()]",
    ),
  };
  const full = {
    names: ["b", "a", "b"],
    sizes: [2, 1, 2],
    items: [
      { name: "y", size: 2 },
      { name: "x", size: 1 },
    ],
  };
  const make = (name: string, fields: Json): Exchange =>
    post(`collections: ${name}`, group, widget(group, name, { spec: fields }));
  return {
    name: "libraries about collections",
    exchanges: [
      ...establish(definition(group, spec)),
      make("full", { ...full, map: { k: "v", l: "w" }, maybe: "m", nested: { name: "n" } }),
      make("empty", { names: [], sizes: [], items: [], map: {} }),
      make("same", { names: ["a"], sizes: [0], items: [{ name: "x" }], map: { v: "v" }, nested: {} }),
      make("many", { ...full, names: ["d", "c", "b", "a"], map: { k: "v", l: "v" } }),
      remove(`${definitions}/widgets.${group}`),
    ],
  };
}

/** What does not change keeps what is wrong with it, with a warning; what fails is refused still. */
export function rulesThatCome(): Case {
  const group = "later-rules.example.com";
  const short: Json = { ...text, maxLength: 10 };
  const fields = { a: short, b: short, l: { type: "array", maxItems: 5, items: short }, n: whole };
  const url = (name: string): string => `${collection(group)}/${name}`;
  const store = (name: string, fields: Json): Exchange =>
    post(`stored before: ${name}`, group, widget(group, name, { spec: fields }));
  const change = (title: string, name: string, body: Json): Exchange => merge(`changes ${title}`, url(name), body);
  const marked = (answer: unknown) => (answer as { spec?: { mark?: string } }).spec?.mark === "here";
  const ruled: Json = {
    type: "object",
    properties: {
      a: { ...short, ...holds("self != 'bad'") },
      b: {
        ...short,
        "x-kubernetes-validations": [{ rule: "self != 'bad'", message: "b is bad", reason: "FieldValueForbidden" }],
      },
      l: { ...fields.l, ...holds("self.size() < 2"), items: { ...short, ...holds("self != 'x'") } },
      n: { ...whole, ...holds("1 / self > 0") },
      mark: { ...short, default: "here" },
    },
  };
  const schema = { openAPIV3Schema: { type: "object", properties: { spec: ruled } } };
  const versions = [{ name: "v1", served: true, storage: true, schema }];
  return {
    name: "rules that come later",
    exchanges: [
      ...establish(definition(group, { type: "object", properties: fields })),
      store("a", { a: "bad" }),
      store("b", { b: "bad" }),
      store("l", { l: ["x", "y"] }),
      store("n", { n: 1 }),
      { ...merge("rules come", `${definitions}/widgets.${group}`, { spec: { versions } }), silent: true },
      { title: "they are in force", method: "GET", path: url("n"), until: marked },
      change("nothing of it", "a", { metadata: { labels: { x: "y" } } }),
      change("something else", "a", { spec: { b: "fine" } }),
      change("what is wrong, to what is wrong", "a", { spec: { a: "bad", b: "bad" } }),
      change("with a reason", "b", { spec: { n: 1 } }),
      change("beside a list", "l", { spec: { n: 1 } }),
      change("in a list", "l", { spec: { l: ["y", "x"] } }),
      change("to a division by zero", "n", { spec: { n: 0 } }),
      change("to what is right", "a", { spec: { a: "good" } }),
      change("beside what is right", "a", { spec: { n: 2 } }),
      remove(`${definitions}/widgets.${group}`),
    ],
  };
}
