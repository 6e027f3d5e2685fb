import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, configMaps, HttpTransport, loadKubeconfig } from "@podwright/client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Program, podwrightFile, startProgram } from "../machine/program.ts";

const rounds = 8;
const inFlight = 16;

let folder: string;
let program: Program | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "podwright-crash-"));
});
afterEach(async () => {
  await program?.end("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

async function start(): Promise<Client> {
  const args = ["--output", "json", "--port", "0", "--nodes", "0", "--without", "nanopod", "--data-dir", folder];
  program = await startProgram([podwrightFile, "up", ...args]);
  return new Client(new HttpTransport(loadKubeconfig({ path: JSON.parse(program.firstLine).kubeconfig })));
}

test("kill -9 in the middle of writes loses nothing that was answered, and does nothing by half", async () => {
  /** What the server answered last for each name; undefined once a deletion was answered. */
  const answered = new Map<string, string | undefined>();
  /** Writes that the server was killed under: they may have happened or not. */
  const open = new Map<string, (string | undefined)[]>();

  for (let round = 0; round < rounds; round++) {
    const client = await start();
    const resource = client.resource(configMaps);
    const found = new Map(
      (await resource.listAll({ namespace: "default" })).items.map((map) => [map.metadata.name, map]),
    );
    found.delete("kube-root-ca.crt");
    for (const [name, value] of answered) {
      const possible = [value, ...(open.get(name) ?? [])];
      expect(possible, name).toContain(found.get(name)?.["data"].value);
    }
    for (const name of found.keys()) expect(answered.has(name as string) || open.has(name as string), name).toBe(true);
    for (const [name, map] of found) answered.set(name as string, map["data"].value);
    for (const name of open.keys()) if (!found.has(name)) answered.delete(name);
    open.clear();

    let killed = false;
    const write = async (worker: number) => {
      for (let i = 0; !killed; i++) {
        const name = `w${worker}-${i % 5}`;
        const value = `${round}-${i}`;
        const exists = answered.get(name) !== undefined;
        const deletes = exists && i % 7 === 6;
        open.set(name, [deletes ? undefined : value]);
        try {
          if (deletes) await resource.delete(name, "default");
          else if (exists) await resource.patch(name, "default", { data: { value } }, { type: "merge" });
          else
            await resource.create({
              apiVersion: "v1",
              kind: "ConfigMap",
              metadata: { name, namespace: "default" },
              data: { value },
            });
        } catch (error) {
          if (killed) return;
          throw error;
        }
        answered.set(name, deletes ? undefined : value);
        open.delete(name);
      }
    };
    const writers = Array.from({ length: inFlight }, (_, worker) => write(worker));
    await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 300));
    killed = true;
    await program?.end("SIGKILL");
    await Promise.all(writers);
    await client.close();
  }
  expect(answered.size).toBeGreaterThan(inFlight);
}, 120_000);
