import { expect, it } from "vitest";
import { Warnings } from "./warnings.ts";

function headerOf(...texts: string[]): string | undefined {
  const warnings = new Warnings();
  for (const text of texts) warnings.add(text);
  return warnings.header();
}

it("gives each warning once, quoted", () => {
  expect(headerOf()).toBeUndefined();
  expect(headerOf('unknown field "a"', "b\\c", 'unknown field "a"')).toBe(
    '299 - "unknown field \\"a\\"", 299 - "b\\\\c"',
  );
});

it("carries nothing that a header cannot", () => {
  expect(headerOf("a\nb\u0000c ✓")).toBe('299 - "a b c ?"');
});

it("stays under 4 KiB of text", () => {
  const header = headerOf(...Array.from({ length: 30 }, (_, i) => `${i} ${"x".repeat(500)}`)) ?? "";
  expect(header.length).toBeLessThan(5000);
  expect(header.split(", ")).toHaveLength(16);
});
