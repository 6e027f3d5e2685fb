import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { renderValues } from "@podwright/operator";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../kubectl.ts";
import { laneHelm } from "../lane.ts";

let chart: string;
let helm: string;
beforeAll(async () => {
  helm = await laneHelm();
  chart = await mkdtemp(join(tmpdir(), "podwright-set-"));
  await mkdir(join(chart, "templates"));
  await writeFile(join(chart, "Chart.yaml"), "apiVersion: v2\nname: c\nversion: 1.0.0\n");
  await writeFile(join(chart, "given.yaml"), "there: {is: 1, list: [1, {a: 2}]}\n");
  await writeFile(join(chart, "templates", "v.yaml"), "values: {{ .Values | toJson | b64enc }}\n");
});
afterAll(() => rm(chart, { recursive: true, force: true }));

test.each([
  ["a", "x"],
  ["a.b.c", "5"],
  ["a", "-7"],
  ["a", "+7"],
  ["a", "007"],
  ["a", "0"],
  ["a", "TRUE"],
  ["a", "1.50"],
  ["a", "1e3"],
  ["a", ""],
  ["a", "{x,2,true}"],
  ["a", "{}"],
  ["a[0]", "x"],
  ["a[2].b", "y"],
  ["a[1][0]", "z"],
  ["a\\.b/c", "dot"],
  ["there.list[1].a", "9"],
  ["there.is", "9"],
  ["there.new", "b\\,c"],
  ["a", "x=y=z"],
  ["a", "back\\\\slash"],
])("helm --set %s=%s means the same", async (path, text) => {
  const { stdout, stderr } = await run(helm, [
    "template",
    "r",
    chart,
    "-f",
    join(chart, "given.yaml"),
    "--set",
    `${path}=${text}`,
  ]);
  const encoded = /^values: (\S+)$/m.exec(stdout)?.[1];
  expect(encoded, stderr).toBeDefined();
  const values = await renderValues({
    values: { there: { is: 1, list: [1, { a: 2 }] } },
    sources: [{ reference: { kind: "ConfigMap", name: "c", targetPath: path }, content: text }],
  });
  expect(values).toEqual(JSON.parse(Buffer.from(encoded as string, "base64").toString()));
});
