import { expect, it } from "vitest";
import { ageOf, humanDuration } from "./human-duration.ts";

const day = 24 * 3600;

it.each([
  [-3, "<invalid>"],
  [-1, "0s"],
  [0, "0s"],
  [119, "119s"],
  [120, "2m"],
  [125, "2m5s"],
  [11 * 60 + 59, "11m"],
  [179 * 60, "179m"],
  [3 * 3600 + 7 * 60, "3h7m"],
  [47 * 3600, "47h"],
  [2 * day, "2d"],
  [2 * day + 3600, "2d1h"],
  [400 * day, "400d"],
  [2 * 365 * day, "2y"],
  [3 * 365 * day + 5 * day, "3y5d"],
  [8 * 365 * day, "8y"],
])("%i seconds read as %s", (seconds, text) => {
  expect(humanDuration(seconds * 1000)).toBe(text);
});

it("an object without a time has no age", () => {
  expect(ageOf(undefined, 0)).toBe("<unknown>");
  expect(ageOf("2026-01-01T00:00:00Z", Date.parse("2026-01-01T00:05:10Z"))).toBe("5m10s");
});
