import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../kubectl.ts";
import { type Lane, openLane } from "../lane.ts";

let lane: Lane;
let folder: string;
beforeAll(async () => {
  lane = await openLane();
  folder = await mkdtemp(join(tmpdir(), "podwright-client-go-"));
});
afterAll(async () => {
  await lane?.close();
  await rm(folder, { recursive: true, force: true });
});

test("a Go program on client-go and controller-runtime takes the cluster for the real thing", async () => {
  const program = join(folder, "client-go");
  const source = fileURLToPath(new URL(".", import.meta.url));
  const built = await run("go", ["build", "-C", source, "-o", program, "."]);
  expect(built).toMatchObject({ code: 0 });

  const { code, stdout } = await run(program, [lane.kubeconfig, await lane.namespace("client-go")]);
  const lines = stdout.trim().split("\n");
  expect(lines.filter((line) => !line.startsWith("ok "))).toEqual([]);
  expect(lines.length).toBe(13);
  expect(code).toBe(0);
}, 600_000);
