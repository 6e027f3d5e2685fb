import { expect, test } from "vitest";
import { openPackScene } from "./pack-scene.ts";

const script = (text: string) => JSON.stringify(["sh", "-c", text]);
const hook = `apiVersion: batch/v1
kind: Job
metadata:
  name: "{{ .Release.Name }}-migrate"
  annotations: {"helm.sh/hook": pre-install}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: "app:1", command: ${script("echo migrating; echo no such table: users; exit 3")}}]
`;
const crashing = `apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}"}
spec:
  selector: {matchLabels: {app: "{{ .Release.Name }}"}}
  template:
    metadata: {labels: {app: "{{ .Release.Name }}"}}
    spec:
      initContainers: [{name: init, image: "app:1", command: ${script("echo cannot open /etc/app.yaml; exit 1")}}]
      containers: [{name: main, image: "app:1"}]
`;

const { lane, on } = await openPackScene();
await on.chart("hooked", "0.1.0", { "hook.yaml": hook });
await on.chart("crashing", "0.1.0", { "web.yaml": crashing });

test("a hook that fails is told with the last lines of its log", async () => {
  const namespace = await lane.namespace("logs");
  await on.create(namespace, "site", { chart: on.chartOf("hooked"), install: { retries: 0 }, timeout: "20s" });
  expect(await on.condition(namespace, "site", "Ready", "False", "InstallFailed")).toMatch(
    /hook Job site-migrate failed: pod site-migrate-\w+: Error, exit code 3; its last lines: migrating\nno such table: users$/,
  );
});

test("a pod that does not get ready is told with the last lines of its log", async () => {
  const namespace = await lane.namespace("logs");
  await on.create(namespace, "site", { chart: on.chartOf("crashing"), install: { retries: 0 }, timeout: "5s" });
  expect(await on.condition(namespace, "site", "Ready", "False", "InstallFailed")).toMatch(
    /Deployment site: pod site-\S+: (CrashLoopBackOff|Error).*; its last lines: cannot open \/etc\/app.yaml$/s,
  );
});
