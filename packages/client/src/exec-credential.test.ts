import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "@podwright/clock";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stringify } from "yaml";
import { execCredentials } from "./exec-credential.ts";
import { loadKubeconfig } from "./kubeconfig.ts";
import type { ExecConfig } from "./kubeconfig-file.ts";

const v1 = "client.authentication.k8s.io/v1";
let folder: string;
let clock: ManualClock;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "exec-credential-"));
  clock = new ManualClock();
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A plugin: a script that prints what its source evaluates to, and counts its runs in a file. */
function plugin(source: string): string[] {
  const path = join(folder, "plugin.cjs");
  writeFileSync(
    path,
    `const fs = require("node:fs");
    const counter = ${JSON.stringify(join(folder, "runs"))};
    const run = fs.existsSync(counter) ? Number(fs.readFileSync(counter)) + 1 : 1;
    fs.writeFileSync(counter, String(run));
    const info = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
    const out = ${source};
    process.stdout.write(typeof out === "string" ? out : JSON.stringify(out));`,
  );
  return [path];
}

function runs(): number {
  return Number(readFileSync(join(folder, "runs"), "utf8"));
}

function credentials(source: string, config: ExecConfig = {}, cluster: object = {}) {
  return execCredentials(
    { apiVersion: v1, command: process.execPath, args: plugin(source), interactiveMode: "Never", ...config },
    { where: 'user "u"', cluster: { file: "kubeconfig", ...cluster }, env: process.env, clock, interactive: false },
  );
}

const credential = (status: string) => `({ kind: "ExecCredential", apiVersion: info.apiVersion, status: ${status} })`;

test("the plugin's token is kept until it expires", async () => {
  const expires = new Date(clock.now() + 60_000).toISOString();
  const kept = credentials(credential(`{ token: "t" + run, expirationTimestamp: "${expires}" }`));
  const [first, second] = await Promise.all([kept.current(), kept.current()]);
  expect(first).toEqual({ authorization: "Bearer t1" });
  expect(second).toBe(first);
  expect(await kept.current()).toBe(first);
  expect(runs()).toBe(1);
  clock.advance(60_000);
  expect(await kept.current()).toEqual({ authorization: "Bearer t2" });
});

test("a refused token is asked for again, one that is new already is not", async () => {
  const kept = credentials(credential(`{ token: "t" + run }`));
  const first = await kept.current();
  expect(await kept.rejected(first)).toBe(true);
  expect(await kept.rejected(first)).toBe(true);
  expect(runs()).toBe(2);
  expect(await kept.current()).toEqual({ authorization: "Bearer t2" });
});

test("a plugin that gives the same again has no other credentials", async () => {
  const kept = credentials(credential(`{ token: "same" }`));
  expect(await kept.rejected(await kept.current())).toBe(false);
});

test("a certificate and its key are taken", async () => {
  const kept = credentials(credential(`{ clientCertificateData: "c", clientKeyData: "k" }`));
  expect(await kept.current()).toEqual({ certificate: "c", key: "k" });
});

test("the plugin gets its environment and, when asked for, the cluster", async () => {
  const kept = credentials(
    credential(`{ token: process.env.ROLE + " " + info.spec.interactive + " " + info.spec.cluster.server + " " +
      info.spec.cluster["certificate-authority-data"] + " " + info.spec.cluster.config.audience }`),
    { env: [{ name: "ROLE", value: "admin" }], provideClusterInfo: true },
    {
      server: "https://host",
      "certificate-authority-data": "Y2E=",
      extensions: [{ name: "client.authentication.k8s.io/exec", extension: { audience: "a" } }],
    },
  );
  expect(await kept.current()).toEqual({ authorization: "Bearer admin false https://host Y2E= a" });
});

test("v1beta1 works, and asks for no interactiveMode", async () => {
  const config = {
    apiVersion: "client.authentication.k8s.io/v1beta1",
    command: process.execPath,
    args: plugin(credential(`{ token: "t" }`)),
  };
  const options = { where: "", cluster: { file: "" }, env: process.env, clock, interactive: false };
  expect(await execCredentials(config, options).current()).toEqual({ authorization: "Bearer t" });
});

test.each([
  ["fails", "process.exit(3)", /it failed with exit code 3/],
  ["prints no JSON", '"hello"', /it printed no JSON/],
  ["prints another kind", '({ kind: "Pod" })', /it printed kind "Pod", not ExecCredential/],
  [
    "prints another version",
    '({ kind: "ExecCredential", apiVersion: "client.authentication.k8s.io/v1beta1" })',
    /configured for client\.authentication\.k8s\.io\/v1, but printed client\.authentication\.k8s\.io\/v1beta1/,
  ],
  ["prints no status", credential("undefined"), /it printed no status/],
  ["prints an empty status", credential("{}"), /neither a token nor a client certificate/],
  ["prints half a pair", credential('{ clientKeyData: "k" }'), /only one of client certificate and key/],
  ["prints no time", credential('{ token: "t", expirationTimestamp: "soon" }'), /"soon" is no time/],
])("a plugin that %s is told of", async (_what, source, message) => {
  await expect(credentials(source).current()).rejects.toThrow(message);
});

test("a plugin that is not there is told of with its hint, which cannot steer the terminal", async () => {
  const kept = credentials('""', { command: "no-such-plugin", installHint: "get it\n\u001b[31mhere" });
  await expect(kept.current()).rejects.toThrow(
    /^user "u": exec plugin no-such-plugin: no such executable; .*\n\nget it\n\[31mhere$/,
  );
});

test("a configuration that cannot work is told of at once", () => {
  expect(() => credentials('""', { apiVersion: "client.authentication.k8s.io/v1alpha1" })).toThrow(/not supported/);
  expect(() => credentials('""', { interactiveMode: "Sometimes" })).toThrow(/unknown interactiveMode "Sometimes"/);
  expect(() => credentials('""', { command: "" })).toThrow(/no command is set/);
});

test("one that must be interactive needs a terminal", async () => {
  await expect(credentials('""', { interactiveMode: "Always" }).current()).rejects.toThrow(/needs a terminal/);
});

test("a kubeconfig's plugin is found beside it", async () => {
  const script = plugin(credential(`{ token: "t" }`))[0] as string;
  const path = join(folder, "config");
  const exec = { apiVersion: v1, command: "./run", interactiveMode: "Never" };
  writeFileSync(join(folder, "run"), `#!/bin/sh\nexec "${process.execPath}" "${script}"\n`, { mode: 0o755 });
  writeFileSync(
    path,
    stringify({
      clusters: [{ name: "c", cluster: { server: "https://host" } }],
      users: [{ name: "u", user: { exec } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    }),
  );
  expect(await loadKubeconfig({ path }).credentials.current()).toEqual({ authorization: "Bearer t" });
});
