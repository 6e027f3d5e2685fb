import { expect, test } from "vitest";
import { parseIndex } from "./chart-index.ts";

const digest = "a".repeat(64);
const written = `apiVersion: v1
entries:
  app:
  - apiVersion: v2
    appVersion: "1.0"
    created: "2024-01-01T00:00:00Z"
    dependencies:
    - name: version
      version: 9.9.9
    description: |-
      text
      version: 6.6.6
    digest: ${digest}
    maintainers:
    - name: digest
    name: app
    urls:
    - charts/app-1.0.0.tgz
    - https://mirror/app-1.0.0.tgz
    version: 1.0.0
  - name: app
    urls:
    - app-0.9.0.tgz
    version: "0.9.0"
  other: []
generated: "2024-01-01T00:00:00Z"
`;
const expected = [
  [
    "app",
    [
      { version: "1.0.0", url: "charts/app-1.0.0.tgz", digest },
      { version: "0.9.0", url: "app-0.9.0.tgz", digest: "" },
    ],
  ],
];

test("what helm writes is read by its lines, and means the same to a YAML parser", async () => {
  const source = written.replace("  other: []\n", "");
  expect([...(await parseIndex(source))]).toEqual(expected);
  expect([...(await parseIndex(`# flow\n${source.replace("  app:", "  'app':")}`))]).toEqual(expected);
  expect([...(await parseIndex(written))]).toEqual([...expected, ["other", []]]);
});

test("JSON and an empty index", async () => {
  expect([...(await parseIndex('{"entries": {"a": [{"version": "1.0.0", "urls": ["a.tgz"]}]}}'))]).toEqual([
    ["a", [{ version: "1.0.0", url: "a.tgz", digest: "" }]],
  ]);
  expect([...(await parseIndex("apiVersion: v1\nentries: {}\n"))]).toEqual([]);
});

test.each(["<html></html>", "", "a: [", "entries: 5", "{"])("%j is no index", async (text) => {
  await expect(parseIndex(text)).rejects.toMatchObject({ reason: "InvalidIndex" });
});

test("twenty thousand versions are read without a YAML parser", async () => {
  const versions = Array.from(
    { length: 20_000 },
    (_, i) =>
      `  - description: some chart with a long description\n    name: app\n    urls:\n    - app-1.0.${i}.tgz\n    version: 1.0.${i}\n`,
  );
  const index = await parseIndex(`apiVersion: v1\nentries:\n  app:\n${versions.join("")}`);
  expect(index.get("app")).toHaveLength(20_000);
});
