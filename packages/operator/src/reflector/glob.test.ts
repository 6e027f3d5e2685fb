import { expect, test } from "vitest";
import { isGlob, matchesAny, matchesGlob } from "./glob.ts";

test.each([
  ["team-a", "team-a", true],
  ["team-a", "team-ab", false],
  ["team-*", "team-", true],
  ["team-*", "teams", false],
  ["*-prod", "shop-prod", true],
  ["*a*b", "xaxbxb", true],
  ["*a*b", "xaxbx", false],
  ["t?st", "test", true],
  ["t?st", "tst", false],
  ["*", "", true],
  ["", "", true],
  ["", "a", false],
  ["a*", "b*", false],
])("%s and %s", (glob, text, expected) => {
  expect(matchesGlob(glob, text)).toBe(expected);
});

test("a glob with many stars is no trouble", () => {
  expect(matchesGlob(`${"*a".repeat(30)}b`, "a".repeat(2000))).toBe(false);
});

test("one of several is enough", () => {
  expect(matchesAny(["a", "b*"], "bc")).toBe(true);
  expect(matchesAny([], "bc")).toBe(false);
  expect([isGlob("a-b"), isGlob("a*"), isGlob("a?")]).toEqual([false, true, true]);
});
