import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { pauseProgram } from "./pause-program.ts";

const runsHere = process.platform === "linux" && (process.arch === "x64" || process.arch === "arm64");

test.runIf(runsHere).each(["SIGTERM", "SIGINT"] as const)("it waits, and ends with 0 at %s", async (signal) => {
  const folder = await mkdtemp(join(tmpdir(), "pause-"));
  const path = join(folder, "pause");
  await writeFile(path, pauseProgram(process.arch === "x64" ? "x86_64" : "aarch64"), { mode: 0o755 });
  const child = spawn(path, { stdio: "ignore" });
  const ended = new Promise((resolve) => child.on("exit", (code, by) => resolve(code ?? by)));
  await new Promise((resolve) => child.on("spawn", resolve));
  // Before it sleeps, signals do what they do by themselves.
  await vi.waitFor(
    async () => {
      const status = await readFile(`/proc/${child.pid}/status`, "utf8");
      expect(status).toMatch(/State:\s+S/);
      expect(status).toMatch(/SigIgn:\s+0+10000\n/);
    },
    { timeout: 20_000 },
  );
  child.kill("SIGCHLD");
  child.kill("SIGHUP");
  child.kill(signal);
  expect(await ended).toBe(0);
  await rm(folder, { recursive: true });
});

test("for arm64 it is this code", () => {
  // Read back by `go tool objdump`; run it where there is such a machine.
  expect(pauseProgram("arm64").subarray(0xa0).toString("hex")).toMatchInlineSnapshot(
    `"200280d2010f80d20108a0f2020080d2030180d2c81080d2010000d4000080d2011380d20108a0f2020080d2030180d2e81080d2010000d4001380d20008a0f2010080d2020080d2030180d2281180d2010000d41f080071600000541f3c0071c1feff54000080d2c80b80d2010000d4"`,
  );
});

test("for other machines there is none", () => {
  expect(() => pauseProgram("riscv64")).toThrow("riscv64");
});
