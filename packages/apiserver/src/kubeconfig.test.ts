import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { formatKubeconfig, writeKubeconfig } from "./kubeconfig.ts";

const options = { server: "https://127.0.0.1:6443", ca: "CA", client: { cert: "CERT", key: "KEY" } };

it("has everything in it", () => {
  const config = parse(formatKubeconfig(options));
  expect(config.clusters[0].cluster).toEqual({
    server: "https://127.0.0.1:6443",
    "certificate-authority-data": Buffer.from("CA").toString("base64"),
  });
  expect(config["current-context"]).toBe(config.contexts[0].name);
});

it("is written for the owner only, and leaves nothing else behind", async () => {
  const directory = await mkdtemp(join(tmpdir(), "podwright-kubeconfig-"));
  try {
    const path = join(directory, "sub", "kubeconfig");
    await writeKubeconfig(path, "first");
    await writeKubeconfig(path, formatKubeconfig(options));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, "utf8")).toContain("current-context");
    expect(await readdir(join(directory, "sub"))).toEqual(["kubeconfig"]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
