import { expect, test } from "vitest";
import type { LogLine } from "../../runtime.ts";
import { GivenLines } from "./given-lines.ts";

/** Lines at times of nanoseconds: of standard error with "!", pieces that go on with "+". */
function lines(...texts: string[]): LogLine[] {
  return texts.map((text) => {
    const nanoseconds = Number.parseInt(text, 10);
    const timeMs = Date.UTC(2026, 0, 1) + Math.floor(nanoseconds / 1e6);
    const time = `${new Date(timeMs).toISOString().slice(0, -1)}${String(nanoseconds % 1e6).padStart(6, "0")}Z`;
    return { timeMs, time, stream: text.includes("!") ? "stderr" : "stdout", text: text.includes("+") ? "x" : "x\n" };
  });
}
const given = (followed: string[], known = new GivenLines()) =>
  followed.filter((_text, i) => known.isNew(lines(...followed)[i] as LogLine));

test("what a follower gives again is left out, wherever it begins", () => {
  const followed = ["1", "2", "3", "2", "3", "4", "4", "5", "1", "2", "3", "4", "5", "6"];
  expect(given(followed)).toEqual(["1", "2", "3", "4", "5", "6"]);
});

test("each stream has an order of its own", () => {
  expect(given(["1", "3", "2!", "4", "2!", "3", "4", "5!"])).toEqual(["1", "3", "2!", "4", "5!"]);
});

test("pieces of a line have one time, and are given once", () => {
  const pieces = ["1", "2+", "2+", "2", "3"];
  expect(given(pieces)).toEqual(pieces);
  expect(given([...pieces, ...pieces, "4"])).toEqual([...pieces, "4"]);
  expect(given(["1", "2+", "1", "2+", "2+", "2", "3"])).toEqual(pieces);
});

test("a clock that was put back loses no line", () => {
  expect(given(["10", "20", "5", "6", "21", "5", "6", "21", "22"])).toEqual(["10", "20", "5", "6", "21", "22"]);
});

test("thousands of lines are known again", () => {
  const all = Array.from({ length: 10_000 }, (_unused, i) => i);
  const known = new GivenLines();
  const isNew = (nanoseconds: number) => known.isNew(lines(String(nanoseconds))[0] as LogLine);
  expect(all.every(isNew)).toBe(true);
  expect(all.slice(10).some(isNew)).toBe(false);
  expect(isNew(10_000)).toBe(true);
});

test("what is read once more afterwards: only what came after the last of each stream", () => {
  const known = new GivenLines();
  given(["20", "25!", "30+", "30+"], known);
  const again = ["10", "10!", "20", "25!", "26!", "30+", "30+", "30", "40"];
  const isKnown = known.afterwards();
  expect(again.filter((_text, i) => !isKnown(lines(...again)[i] as LogLine))).toEqual(["26!", "30", "40"]);
});
