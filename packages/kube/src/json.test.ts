import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, cloneJson, jsonEqual, maxJsonDepth, parseJson, stringifyJson } from "./json.ts";
import type { JsonObject, JsonValue } from "./object.ts";

/** What sigs.k8s.io/json made of texts. */
const cases = readFileSync(new URL("./testdata/json.jsonl", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as { text: string; error?: string; shown?: string; duplicates?: string[] });

describe("parsing JSON", () => {
  it.each(cases)("reads $text as upstream does", ({ text, error, shown, duplicates }) => {
    if (error !== undefined) expect(() => parseJson(text)).toThrow(error);
    else {
      const parsed = parseJson(text);
      expect(parsed.duplicates).toEqual(duplicates);
      expect(canonicalJson(parsed.value)).toBe(shown);
    }
  });

  it("names duplicate fields by their paths, in order of appearance, each once", () => {
    const text = '{"spec":{"replicas":1,"replicas":2,"list":[{"a":1,"a":2,"a":3}]},"kind":"A","kind":"B"}';
    const { value, duplicates } = parseJson(text);
    expect(duplicates).toEqual(["spec.replicas", "spec.list[0].a", "kind"]);
    expect(value).toEqual({ spec: { replicas: 2, list: [{ a: 3 }] }, kind: "B" });
  });

  it("keeps integers beyond 2^53 as bigints, and writes them back", () => {
    const text = '{"uid":9007199254740993,"small":9007199254740991,"negative":-9223372036854775808}';
    const { value } = parseJson(text);
    expect(value).toEqual({ uid: 9007199254740993n, small: 9007199254740991, negative: -9223372036854775808n });
    expect(stringifyJson(value)).toBe(text);
  });

  it("makes __proto__ a field like any other", () => {
    for (const text of [
      '{"__proto__":{"polluted":true}}',
      '{"__proto__":{"polluted":true},"n":12345678901234567890}',
    ]) {
      const value = parseJson(text).value as JsonObject;
      expect(Object.keys(value)[0]).toBe("__proto__");
      expect((value as { polluted?: boolean }).polluted).toBeUndefined();
      expect(Object.keys(cloneJson(value))[0]).toBe("__proto__");
    }
  });

  it("takes bytes, and reads those that are not UTF-8 as U+FFFD", () => {
    expect(parseJson(Uint8Array.from([0x22, 0x61, 0xff, 0x22])).value).toBe("a\ufffd");
  });

  it("refuses nesting beyond the limit, and reads up to it", () => {
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    expect(() => parseJson(nested(maxJsonDepth + 1))).toThrow("invalid character '[' exceeded max depth");
    expect(parseJson(nested(maxJsonDepth)).duplicates).toEqual([]);
  });

  it("reads what JSON.stringify writes", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        // Of large integers JSON.parse keeps the nearest double only.
        fc.pre(!/[0-9]{16}/.test(text));
        const { value, duplicates } = parseJson(text);
        expect(jsonEqual(value, JSON.parse(text))).toBe(true);
        expect(duplicates).toEqual([]);
      }),
    );
  });

  it("finds every duplicate that was put in, whatever stands around it", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (inner, key) => {
        const field = `${JSON.stringify(key)}:${JSON.stringify(inner)}`;
        expect(parseJson(`{"a":[{${field} , ${field}}]}`).duplicates).toEqual([`a[0].${key}`]);
      }),
    );
  });
});

describe("canonicalJson", () => {
  it("sorts keys and escapes HTML, as Go does in error messages", () => {
    expect(canonicalJson({ b: "<a> & b", a: [1, null, { d: 1n, c: 0.5 }], gone: undefined })).toBe(
      '{"a":[1,null,{"c":0.5,"d":1}],"b":"\\u003ca\\u003e \\u0026 b"}',
    );
  });
});

describe("jsonEqual", () => {
  it("is about values: order of fields, bigints and undefined fields do not matter", () => {
    expect(jsonEqual({ a: 1, b: [2n] }, { b: [2], a: 1, c: undefined })).toBe(true);
    expect(jsonEqual({ a: 1 }, { a: 1, c: null })).toBe(false);
    expect(jsonEqual([1, 2], [2, 1])).toBe(false);
    expect(jsonEqual("1", 1)).toBe(false);
  });

  it("holds between a value and its clone, which shares nothing", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const copy = cloneJson(value as JsonValue);
        expect(jsonEqual(copy, value as JsonValue)).toBe(true);
        if (typeof value === "object" && value !== null) expect(copy).not.toBe(value);
      }),
    );
  });
});
