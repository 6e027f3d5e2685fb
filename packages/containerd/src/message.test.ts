import { expect, test } from "vitest";
import { bool, bytes, int32, int64, message, nested, repeated, repeatedMessages, string, stringMap } from "./index.ts";

const inner = message({ name: string(1), size: int64(2) });
const outer = message({
  text: string(1),
  flag: bool(2),
  count: int32(3),
  big: int64(4),
  data: bytes(5),
  one: nested(6, inner),
  many: repeatedMessages(7, inner),
  labels: stringMap(8),
  numbers: repeated(9, "int32"),
});

test("what is encoded comes back", () => {
  const value = {
    text: "ä",
    flag: true,
    count: -3,
    big: 2 ** 52 + 1,
    data: Buffer.from([0, 255]),
    one: { name: "x", size: -1 },
    many: [
      { name: "a", size: 1 },
      { name: "b", size: 0 },
    ],
    labels: { k: "v", "": "empty" },
    numbers: [1, -1, 300],
  };
  expect(outer.decode(outer.encode(value))).toEqual(value);
});

test("what is not sent has its initial value", () => {
  expect(outer.decode(Buffer.alloc(0))).toEqual({
    text: "",
    flag: false,
    count: 0,
    big: 0,
    data: Buffer.alloc(0),
    one: undefined,
    many: [],
    labels: {},
    numbers: [],
  });
});

test("unknown fields are passed over, packed numbers are read, and __proto__ is a key as any other", () => {
  const wider = message({ text: string(1), extra: nested(99, inner), labels: stringMap(8), packed: bytes(9) });
  const labels = JSON.parse('{"__proto__":"x"}');
  const decoded = outer.decode(
    wider.encode({ text: "t", extra: { name: "n", size: 1 }, labels, packed: Buffer.from([1, 2, 0xac, 2]) }),
  );
  expect(decoded.text).toBe("t");
  expect(decoded.numbers).toEqual([1, 2, 300]);
  expect(Object.keys(decoded.labels)).toEqual(["__proto__"]);
});

test("bytes that are no message are refused", () => {
  expect(() => outer.decode(Buffer.from([0x0a, 0x7f, 1]))).toThrow();
});
