import { fileURLToPath } from "node:url";
import { configMaps, secrets } from "@podwright/client";
import { expect, test, vi } from "vitest";
import { run } from "../kubectl.ts";
import { openPackScene } from "./pack-scene.ts";

const main = fileURLToPath(new URL("../../packages/cli/bin/main.mjs", import.meta.url));
const objects = `apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}"}
data:
  a: "{{ .Values.a }}"
  dsn: "db://{{ .Values.password }}@host"
---
apiVersion: v1
kind: Secret
metadata: {name: "{{ .Release.Name }}"}
data:
  password: {{ .Values.password | b64enc }}
  fixed: Zml4ZWQ=
{{- if .Values.more }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}-more"}
{{- end }}
`;

const { lane, on } = await openPackScene();
await on.chart("app", "0.1.0", { "objects.yaml": objects }, "a: x\npassword: none\nmore: true\n");

test("before every upgrade its plan is in the status, without the values of Secrets, and stays to be read", async () => {
  const namespace = await lane.namespace("plan");
  const source = { apiVersion: "v1", kind: "Secret", metadata: { name: "values", namespace } };
  const passwords = ["hunter2-hunter2", "correct-horse-battery"];
  await lane.client.resource(secrets).create({ ...source, stringData: { password: passwords[0] } });
  await on.create(namespace, "site", {
    chart: on.chartOf("app"),
    valuesFrom: [{ kind: "Secret", name: "values", valuesKey: "password", targetPath: "password" }],
  });
  await on.condition(namespace, "site", "Ready", "True");
  expect((await on.get(namespace, "site"))["status"].plan).toBeUndefined();

  await lane.client
    .resource(secrets)
    .patch("values", namespace, { stringData: { password: passwords[1] } }, { type: "merge" });
  const rotated = await on.until(namespace, "site", ({ status }) => expect(status.plan?.revision).toBe(2));
  const { changes } = rotated["status"].plan;
  expect(changes.map(({ kind }: { kind: string }) => kind).sort()).toEqual(["ConfigMap", "Secret"]);
  expect(JSON.stringify(changes)).toContain("-  dsn: db://***@host");
  for (const password of passwords) {
    expect(JSON.stringify(rotated)).not.toContain(password);
  }
  await on.merge(namespace, "site", { spec: { values: { a: "new", more: false } } });
  const pack = await on.until(namespace, "site", ({ status }) => {
    expect(status.lastApplied.revision).toBe(3);
    expect(status.plan.revision).toBe(3);
  });
  const { plan } = pack["status"];
  expect(plan).toMatchObject({
    summary: "0 to create, 1 to update, 1 to delete",
    changes: [
      { op: "update", kind: "ConfigMap", name: "site", diff: expect.stringContaining("-  a: x\n+  a: new") },
      { op: "delete", kind: "ConfigMap", name: "site-more" },
    ],
  });
  await on.merge(namespace, "site", { spec: { vars: { unused: 1 }, values: { a: "new", more: true } } });
  await on.until(namespace, "site", ({ status }) => expect(status.plan?.revision).toBe(4));

  // In no plan, no condition and no event.
  const { stdout } = await lane.kubectl(["get", "packs,events", "-n", namespace, "-o", "json"]);
  for (const password of passwords) {
    expect(stdout).not.toContain(password);
    expect(stdout).not.toContain(Buffer.from(password).toString("base64"));
  }
});

test("a plan of a changed Secret says that it changes, and not to what", async () => {
  const namespace = await lane.namespace("plan");
  await on.create(namespace, "secretive", { chart: on.chartOf("app"), values: { password: "first-password" } });
  await on.condition(namespace, "secretive", "Ready", "True");
  await on.merge(namespace, "secretive", { spec: { approval: "manual", values: { password: "second-password" } } });
  await on.condition(namespace, "secretive", "Ready", "False", "ApprovalPending");
  const { changes } = (await on.get(namespace, "secretive"))["status"].plan;
  const secret = changes.find(({ kind }: { kind: string }) => kind === "Secret");
  expect(secret.diff).toContain('-  password: "*** (before)"\n+  password: "*** (after)"');
  expect(secret.diff).not.toContain(Buffer.from("second-password").toString("base64"));
});

test("podwright pack shows, explains and approves", async () => {
  const namespace = await lane.namespace("plan");
  const podwright = async (...args: string[]) => {
    const flags = ["-n", namespace, "--kubeconfig", lane.kubeconfig];
    return run(process.execPath, [main, "pack", ...args, ...flags]);
  };
  await on.create(namespace, "asked", { chart: on.chartOf("app") });
  await on.condition(namespace, "asked", "Ready", "True");
  expect((await podwright("list")).stdout).toMatch(/^NAMESPACE +NAME .*\n\S+ +asked +app +0\.1\.0 +1 +True +Installed/);
  expect(await podwright("plan", "asked")).toMatchObject({ code: 1, stderr: expect.stringContaining("has no plan") });
  expect(await podwright("diff", "nobody")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("there is no Pack nobody"),
  });

  await on.merge(namespace, "asked", { spec: { approval: "manual", values: { a: "new" } } });
  await on.condition(namespace, "asked", "Ready", "False", "ApprovalPending");
  expect((await podwright("plan", "asked")).stdout).toMatch(
    /^Plan \S+: 0 to create, 1 to update, 0 to delete\n {2}update ConfigMap plan-\w+\/asked\n$/,
  );
  expect((await podwright("diff", "asked")).stdout).toContain("-  a: x\n+  a: new");
  expect((await podwright("approve", "asked")).stdout).toMatch(/^Approved plan /);
  await vi.waitFor(
    async () => {
      const made = await lane.client.resource(configMaps).get("asked", namespace);
      expect(made["data"].a).toBe("new");
    },
    { timeout: 20_000, interval: 50 },
  );
  await on.condition(namespace, "asked", "Ready", "True");
  expect((await podwright("history", "asked")).stdout).toMatch(
    /^REVISION .*\n2 .*upgrade +0\.1\.0 +deployed\n1 .*install/,
  );
  expect((await podwright("plan", "asked")).stdout).toContain("(carried out as revision 2)");
  expect(await podwright("approve", "asked")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("was carried"),
  });
});
