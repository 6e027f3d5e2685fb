import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { cloneJson } from "../json.ts";
import type { JsonValue } from "../object.ts";
import { applyJsonPatch, unknownJsonPatchFields } from "./json-patch.ts";
import { applyMergePatch } from "./merge-patch.ts";
import { PatchError } from "./patch-error.ts";

interface Case {
  document: JsonValue;
  patch: JsonValue;
  result?: JsonValue;
  error?: string;
}

/** What gopkg.in/evanphx/json-patch.v4 made of random documents and patches. */
function casesOf(file: string): Case[] {
  const lines = readFileSync(new URL(`./testdata/${file}`, import.meta.url), "utf8")
    .trimEnd()
    .split("\n");
  return lines.map((line) => JSON.parse(line) as Case);
}

function check(apply: (document: JsonValue, patch: JsonValue) => JsonValue, each: Case): void {
  const before = cloneJson([each.document, each.patch]);
  if (each.error !== undefined) expect(() => apply(each.document, each.patch)).toThrow(each.error);
  else expect(apply(each.document, each.patch)).toEqual(each.result);
  expect([each.document, each.patch]).toEqual(before);
}

describe("JSON patches", () => {
  it.each(casesOf("json-patch.jsonl"))("$patch does what upstream does", (each) => {
    check(applyJsonPatch, each);
  });

  it("take negative indices and the end of a list", () => {
    const list = { a: [1, 2, 3] };
    expect(applyJsonPatch(list, [{ op: "add", path: "/a/-", value: 4 }])).toEqual({ a: [1, 2, 3, 4] });
    expect(applyJsonPatch(list, [{ op: "remove", path: "/a/-1" }])).toEqual({ a: [1, 2] });
  });

  it("create a field they replace, as the library of upstream does", () => {
    expect(applyJsonPatch({}, [{ op: "replace", path: "/a", value: 1 }])).toEqual({ a: 1 });
  });

  it("compare numbers of both kinds", () => {
    expect(applyJsonPatch({ a: 5 }, [{ op: "test", path: "/a", value: 5n }])).toEqual({ a: 5 });
    expect(() => applyJsonPatch({ a: 5 }, [{ op: "test", path: "/a", value: "5" }])).toThrow(
      new PatchError(422, "testing value /a failed: test failed"),
    );
  });

  it("are refused when they are none, or too long", () => {
    expect(() => applyJsonPatch({}, { op: "add" })).toThrow(
      new PatchError(
        400,
        "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
      ),
    );
    expect(() => applyJsonPatch({}, [{ op: 1 }])).toThrow(
      "error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string",
    );
    const many = Array.from({ length: 10_001 }, () => ({ op: "test", path: "/a", value: null }));
    expect(() => applyJsonPatch({}, many)).toThrow(
      new PatchError(413, "The allowed maximum operations in a JSON patch is 10000, got 10001"),
    );
  });

  it("name the fields nothing is known about", () => {
    expect(
      unknownJsonPatchFields([
        { op: "add", path: "/a", valu: 1 },
        { op: "add", y: 1 },
      ]),
    ).toEqual(["[0].valu", "[1].y"]);
  });

  it("cannot reach the prototype", () => {
    const result = applyJsonPatch({}, [{ op: "add", path: "/__proto__", value: { polluted: true } }]);
    expect(Object.hasOwn(result as object, "__proto__")).toBe(true);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(() => applyJsonPatch({}, [{ op: "add", path: "/constructor/x", value: 1 }])).toThrow("doc is missing path");
  });
});

describe("merge patches", () => {
  it.each(casesOf("merge-patch.jsonl"))("$patch does what upstream does", (each) => {
    check(applyMergePatch, each);
  });

  it("replace lists, merge objects, remove by null", () => {
    const document = { a: { b: 1, c: [1, 2] }, d: 1 };
    expect(applyMergePatch(document, { a: { c: [3], e: null }, d: null, f: { g: null, h: 1 } })).toEqual({
      a: { b: 1, c: [3] },
      f: { h: 1 },
    });
  });

  it("are objects or lists", () => {
    expect(() => applyMergePatch({}, null)).toThrow(new PatchError(400, "Invalid JSON Patch"));
  });
});
