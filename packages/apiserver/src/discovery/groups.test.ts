import { expect, it } from "vitest";
import { compareVersions } from "./groups.ts";

it("prefers stable versions, and newer ones", () => {
  const versions = ["foo1", "v1alpha1", "v10beta3", "v3beta1", "v1", "v11alpha2", "v2", "foo10", "v10"];
  expect(versions.sort(compareVersions)).toEqual([
    "v10",
    "v2",
    "v1",
    "v10beta3",
    "v3beta1",
    "v11alpha2",
    "v1alpha1",
    "foo1",
    "foo10",
  ]);
});
