import { expect, test } from "vitest";
import { settingsOf, wishErrors } from "./settings.ts";

const object = (annotations: Record<string, string>, labels: Record<string, string> = {}) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", annotations, labels },
});

test.each([
  [{ "podwright.dev/fresh-policy": "semver:" }, 'policy "semver:" has no range'],
  [{ "podwright.dev/fresh-policy": "regex:(" }, 'policy "regex:(" cannot be read'],
  [{ "podwright.dev/fresh-policy": "glob: " }, "has no pattern"],
  [{ "podwright.dev/fresh-policy": "Newest" }, "is none of newest"],
  [{ "podwright.dev/fresh-deadline": "-" }, 'must be a duration such as "30s"'],
  [{ "podwright.dev/fresh-downgrade": "1" }, 'must be "true" or "false"'],
])("%j is told", (annotations, why) => {
  expect(wishErrors(object(annotations as Record<string, string>))).toEqual([expect.stringContaining(why)]);
});

test("what can be read is right, and a pause that cannot be read is one", () => {
  const annotations = { "podwright.dev/fresh-policy": "regex:v[0-9]+", "podwright.dev/fresh-paused": "false" };
  expect(wishErrors(object(annotations, { "podwright.dev/fresh": "true" }))).toEqual([]);
  expect(wishErrors(object({}, { "podwright.dev/fresh": "" }))).toHaveLength(1);
  const paused = object({ "podwright.dev/fresh-paused": "True" });
  expect(settingsOf(paused, undefined, { deadlineMs: 1 }).paused).toBe(true);
});
