import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packRepositories } from "@podwright/client";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { run } from "../kubectl.ts";
import { type Lane, laneHelm, openLane } from "../lane.ts";

const chart = fileURLToPath(new URL("../../charts/genpack", import.meta.url));
let lane: Lane;
let folder: string;
let url: string;
let close: () => void;

beforeAll(async () => {
  lane = await openLane();
  folder = await mkdtemp(join(tmpdir(), "podwright-repository-"));
  const helm = await laneHelm();
  for (const args of [
    ["package", chart, "--destination", folder],
    ["repo", "index", folder],
  ]) {
    expect(await run(helm, args)).toMatchObject({ code: 0 });
  }
  const server = createServer((request, response) => {
    readFile(join(folder, (request.url ?? "").replaceAll("/", ""))).then(
      (content) => response.end(content),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = () => server.close();
});
afterAll(async () => {
  await lane?.close();
  close?.();
  await rm(folder, { recursive: true, force: true });
});

const manifest = (kind: string, namespace: string, spec: object) =>
  JSON.stringify({ apiVersion: "k8s.kubit.ir/v1alpha1", kind, metadata: { name: "test", namespace }, spec });

test("what `helm repo index` wrote is read, and kubectl shows it", async () => {
  const namespace = await lane.namespace("repository");
  const applied = await lane.kubectl(["apply", "-f", "-"], manifest("PackRepository", namespace, { url }));
  expect(applied).toMatchObject({ code: 0 });
  await vi.waitFor(
    async () => {
      const { status } = await lane.client.resource(packRepositories).get("test", namespace);
      expect(status?.conditions?.[0]).toMatchObject({ type: "Ready", status: "True", message: "1 chart" });
    },
    { timeout: 20_000, interval: 50 },
  );
  const { stdout } = await lane.kubectl(["get", "pkrepo", "-n", namespace]);
  expect(stdout).toMatch(/^NAME +URL +CHARTS +READY +STATUS +AGE\ntest +http:\S+ +1 +True +1 chart +\d+s\n$/);
});

test.each<[string, string, object]>([
  ["spec.urll: unknown field", "PackRepository", { url: "https://x", urll: "y" }],
  ["spec.url: has the protocol", "PackRepository", { url: "gopher://x" }],
  ["spec.chart.version", "Pack", { chart: { name: "genpack", version: "newest" }, suspend: true }],
  [
    "spec.values.a: unknown name vars.X",
    "Pack",
    { chart: { name: "genpack" }, values: { a: "{{ vars.X }}" }, suspend: true },
  ],
])("kubectl apply is refused: %s", async (message, kind, spec) => {
  const namespace = await lane.namespace("refused");
  const { code, stderr } = await lane.kubectl(["apply", "-f", "-"], manifest(kind, namespace, spec));
  expect(code).toBe(1);
  expect(stderr).toContain(message);
});
