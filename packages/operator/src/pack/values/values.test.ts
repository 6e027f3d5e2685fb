import { expect, test } from "vitest";
import type { ValuesReference } from "../pack.ts";
import { setPath } from "./set-path.ts";
import { configDigest, renderValues, type ValuesSource } from "./values.ts";

const from = (content: string | undefined, reference: Partial<ValuesReference> = {}): ValuesSource => ({
  reference: { kind: "ConfigMap", name: "c", ...reference },
  content,
});

test("sources merge in order, inline values are above them, target paths above all", async () => {
  const values = await renderValues({
    values: { a: { inline: "{{ vars.X }}" }, top: "inline" },
    vars: { X: 7 },
    sources: [
      from("9", { targetPath: "a.path" }),
      from("a: {first: 1, both: 1, path: 0}\nlist: [1, 2]\ntop: first"),
      from("a: {second: 2, both: 2}\nlist: [3]"),
      from("as is: {{ vars.X }}", { targetPath: "kept" }),
      from("won", { targetPath: "top" }),
    ],
  });
  expect(values).toEqual({
    a: { first: 1, both: 2, second: 2, path: 9, inline: 7 },
    list: [3],
    top: "won",
    kept: "as is: {{ vars.X }}",
  });
});

test("a source that does not exist is an error that names it, unless it is optional", async () => {
  await expect(renderValues({ sources: [from(undefined, { kind: "Secret", name: "s" })] })).rejects.toThrow(
    'valuesFrom[0] (Secret s): does not exist, or has no key "values.yaml"',
  );
  expect(await renderValues({ sources: [from(undefined, { optional: true }), from("a: 1")] })).toEqual({ a: 1 });
});

test("what a source holds is never quoted in an error", async () => {
  for (const content of ["a: 1\nb: [s3cret", "s3cret", "- s3cret", '"s3cret']) {
    const error = await renderValues({ sources: [from(content)] }).catch((failure: Error) => failure);
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).not.toContain("s3cret");
  }
});

test("YAML is read as helm reads it", async () => {
  expect(
    await renderValues({ sources: [from("a: yes\nb: 0644\nc: 12:30:45\nd: 2024-01-02\ne: null\nf: 1e3")] }),
  ).toEqual({
    a: true,
    b: 420,
    c: "12:30:45",
    d: "2024-01-02",
    e: null,
    f: 1000,
  });
  expect(await renderValues({ sources: [from("")] })).toEqual({});
});

test.each([
  ["a.b", "x", { a: { b: "x" } }],
  ["a[1].b", "5", { a: [null, { b: 5 }] }],
  ["a[0][1]", "true", { a: [[null, true]] }],
  ["a\\.b.c", "null", { "a.b": { c: null } }],
  ["a", "{1,x,\\,}", { a: [1, "x", ","] }],
  ["a", "'5'", { a: "5" }],
  ["a", "0755", { a: "0755" }],
  ["a", "1.5", { a: "1.5" }],
  ["a", "9007199254740993", { a: 9007199254740993n }],
  ["a", "x,y=z", { a: "x,y=z" }],
])("the target path %s with %s", (path, text, expected) => {
  const values = {};
  setPath(values, path, text);
  expect(values).toEqual(expected);
});

test.each(["", "a.", "a..b", "a[x]", "a[99999999]", "a[1]b", "a=b", ".a"])("the target path %j is refused", (path) => {
  expect(() => setPath({}, path, "x")).toThrow("targetPath");
});

test("a target path cannot go through what is no map or list", () => {
  expect(() => setPath({ a: 5 }, "a.b", "x")).toThrow(".a is not a map");
  expect(() => setPath({ a: { b: {} } }, "a.b[0]", "x")).toThrow(".a.b is not a list");
});

test("the digest does not depend on the order of keys", () => {
  expect(configDigest({ a: 1, b: { c: 2, d: 3 } })).toBe(configDigest({ b: { d: 3, c: 2 }, a: 1 }));
  expect(configDigest({ a: 1 })).not.toBe(configDigest({ a: "1" }));
});
