import { expect, test } from "vitest";
import { chooseVersion, parseRange } from "./version-range.ts";

const versions = [
  "0.1.0",
  "0.1.9",
  "0.4.2",
  "0.4.3",
  "0.4.10",
  "0.5.0",
  "1.2.0",
  "1.3.0-beta.1",
  "1.3.0-rc1",
  "2.0.0+build.5",
  "3.0.0-alpha",
];

test.each([
  [undefined, "2.0.0+build.5"],
  ["", "2.0.0+build.5"],
  ["*", "2.0.0+build.5"],
  ["0.4.2", "0.4.2"],
  ["v0.4.2", "0.4.2"],
  ["=0.4.2", "0.4.2"],
  ["2.0.0", "2.0.0+build.5"],
  ["3.0.0-alpha", "3.0.0-alpha"],
  ["~=0.1", "0.5.0"],
  ["~=0.4.3", "0.4.10"],
  [">=1,<2", "1.2.0"],
  [">=0.1, <0.4.3, !=0.4.2", "0.1.9"],
  ["==0.4.*", "0.4.10"],
  [">=1.3.0b1,<2", "1.3.0-rc1"],
  ["^1.2", "1.2.0"],
  ["0.x", "0.5.0"],
  ["~0.4", "0.4.10"],
  [">=0.4.3 <0.5", "0.4.10"],
  ["0.1.x || 1.x", "1.2.0"],
  ["0.1.0 - 0.4.2", "0.4.2"],
  [">=1.3.0-beta.1 <2", "1.3.0-rc1"],
  ["~=7.0", undefined],
  ["0.4.99", undefined],
])("%j chooses %s", async (range, expected) => {
  expect((await parseRange(range)).newest(versions)).toBe(expected);
});

test.each(["latest", "~=1", ">=2,<1", ">2,<2", "1.2.3.4.x", "=>1", ">1 <0.5", "x".repeat(300)])(
  "%j is refused",
  async (range) => {
    await expect(parseRange(range)).rejects.toThrow();
  },
);

test("an error names what there is", async () => {
  await expect(chooseVersion("app", "~=7.0", ["1.0.0", "2.0.0"], "PackRepository a/b")).rejects.toMatchObject({
    reason: "VersionNotFound",
    message: 'PackRepository a/b has no version of chart "app" in "~=7.0"; there are 1.0.0, 2.0.0',
  });
});
