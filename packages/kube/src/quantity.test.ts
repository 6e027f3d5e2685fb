import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  milliQuantityOf,
  parseQuantity,
  QuantityError,
  quantityMilliValue,
  quantityOf,
  quantityValue,
  subtractQuantities,
} from "./quantity.ts";

interface Case {
  a: string;
  b?: string;
  error?: string;
  canonical?: string;
  format?: string;
  compared?: number;
  sum?: string;
  difference?: string;
}

/** What k8s.io/apimachinery/pkg/api/resource made of quantities. */
const cases = readFileSync(new URL("./testdata/quantities.jsonl", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Case);

describe("quantities", () => {
  it.each(cases)("$a and $b are what upstream makes of them", (expected) => {
    const { a, b, error } = expected;
    if (error !== undefined) {
      expect(() => parseQuantity(a)).toThrow(new QuantityError(error));
      return;
    }
    const quantity = parseQuantity(a);
    expect(formatQuantity(quantity)).toBe(expected.canonical);
    expect(canonicalQuantity(a)).toBe(expected.canonical);
    expect(quantity.format).toBe(expected.format);
    if (b === undefined) return;
    expect(Math.sign(compareQuantities(a, b))).toBe(expected.compared);
    expect(formatQuantity(addQuantities(a, b))).toBe(expected.sum);
    expect(formatQuantity(subtractQuantities(a, b))).toBe(expected.difference);
  });

  it("trims what surrounds a stored quantity", () => {
    expect(canonicalQuantity(" 1024Mi ")).toBe("1Gi");
  });

  it("gives numbers rounded away from zero", () => {
    expect(quantityValue("100m")).toBe(1);
    expect(quantityValue("1.5Gi")).toBe(1610612736);
    expect(quantityMilliValue("1.5")).toBe(1500);
    expect(quantityMilliValue("1u")).toBe(1);
    expect(quantityMilliValue("2Ki")).toBe(2048000);
  });

  it("are made of numbers", () => {
    expect(formatQuantity(quantityOf(2 ** 31, "BinarySI"))).toBe("2Gi");
    expect(formatQuantity(quantityOf(1500))).toBe("1500");
    expect(formatQuantity(milliQuantityOf(2500))).toBe("2500m");
    expect(formatQuantity(milliQuantityOf(2000))).toBe("2");
  });

  it("of any exponent are compared without being written out", () => {
    expect(compareQuantities("1e2147483647", "1")).toBeGreaterThan(0);
    expect(compareQuantities("-1e2147483647", "1")).toBeLessThan(0);
    expect(() => addQuantities("1e2147483647", "1")).toThrow(QuantityError);
  });

  const suffix = fc.constantFrom("", "m", "k", "M", "G", "Ki", "Mi", "Gi", "e3", "u");
  const amount = fc.tuple(fc.integer({ min: -100_000, max: 100_000 }), suffix).map(([n, unit]) => `${n}${unit}`);

  it("keep their value when written and read again", () => {
    fc.assert(
      fc.property(amount, (text) => {
        const canonical = canonicalQuantity(text);
        expect(compareQuantities(canonical, text)).toBe(0);
        expect(canonicalQuantity(formatQuantity(parseQuantity(canonical)))).toBe(canonical);
      }),
    );
  });

  it("add, subtract and compare like numbers", () => {
    fc.assert(
      fc.property(amount, amount, (a, b) => {
        expect(compareQuantities(subtractQuantities(addQuantities(a, b), b), a)).toBe(0);
        expect(compareQuantities(addQuantities(a, b), addQuantities(b, a))).toBe(0);
        expect(Math.sign(compareQuantities(a, b))).toBe(0 - Math.sign(compareQuantities(b, a)));
      }),
    );
  });
});
