import { events, jobs, pods } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { expect, test, vi } from "vitest";
import { openScene } from "./scene.ts";

const { lane, client, namespace, until, untilGone } = await openScene("jobs");

async function run(name: string, script: string, spec: object = {}, podSpec: object = {}): Promise<void> {
  const containers = [{ name: "main", image: "busybox:1", command: ["sh", "-c", script] }];
  await client.resource(jobs).create({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, namespace },
    spec: { ...spec, template: { spec: { restartPolicy: "Never", containers, ...podSpec } } },
  });
}

interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
}
const conditions = ({ status }: KubeObject): Condition[] => status?.conditions ?? [];
const isEnded = (job: KubeObject): boolean =>
  conditions(job).some(({ type, status }) => (type === "Complete" || type === "Failed") && status === "True");
const ended = (name: string): Promise<KubeObject> => until(jobs, name, isEnded);
const ends = (job: KubeObject): string[][] =>
  conditions(job).map(({ type, reason, message }) => [type, reason, message]);

async function podsOf(name: string): Promise<KubeObject[]> {
  return (await client.resource(pods).list({ namespace, labelSelector: `job-name=${name}` })).items;
}

/** The events about the object, once the awaited one is there. */
async function told(name: string, awaited: string): Promise<string[]> {
  return vi.waitFor(
    async () => {
      const fieldSelector = `involvedObject.kind=Job,involvedObject.name=${name}`;
      const list = await client.resource(events).list({ namespace, fieldSelector });
      const texts = list.items.map((event) => `${event["type"]} ${event["reason"]} ${event["message"]}`);
      expect(texts).toContain(awaited);
      return texts;
    },
    { timeout: 20_000 },
  );
}

test("a Job runs to its completions", async () => {
  await run("fine", "echo done", { completions: 3, parallelism: 2 });
  const job = await ended("fine");
  expect(ends(job)).toEqual([
    ["SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods"],
    ["Complete", "CompletionsReached", "Reached expected number of succeeded pods"],
  ]);
  expect(job["status"]).toMatchObject({ succeeded: 3, ready: 0, terminating: 0, uncountedTerminatedPods: {} });
  expect(job["status"].completionTime >= job["status"].startTime).toBe(true);
  for (const pod of await podsOf("fine")) {
    expect(pod.metadata.finalizers ?? []).toEqual([]);
    expect(pod.metadata.labels).toMatchObject({
      "batch.kubernetes.io/job-name": "fine",
      "batch.kubernetes.io/controller-uid": job.metadata.uid,
    });
  }
  const texts = await told("fine", "Normal Completed Job completed");
  expect(texts.filter((text) => /^Normal SuccessfulCreate Created pod: fine-\w+$/.test(text))).toHaveLength(3);
});

test("a Job that fails too often says so", async () => {
  await run("bad", "exit 3", { backoffLimit: 0 });
  const job = await ended("bad");
  const text = "Job has reached the specified backoff limit";
  expect(ends(job)).toEqual([
    ["FailureTarget", "BackoffLimitExceeded", text],
    ["Failed", "BackoffLimitExceeded", text],
  ]);
  expect(job["status"]).toMatchObject({ failed: 1 });
  await told("bad", `Warning BackoffLimitExceeded ${text}`);
});

test("a replacement waits ten seconds, then runs", { timeout: 60_000 }, async () => {
  await run("again", "exit 1", { backoffLimit: 1 });
  expect((await ended("again"))["status"]).toMatchObject({ failed: 2 });
  const created = (await podsOf("again")).map(({ metadata }) => Date.parse(metadata.creationTimestamp ?? "")).sort();
  expect((created[1] as number) - (created[0] as number)).toBeGreaterThanOrEqual(9_000);
});

test("containers that are restarted in place count as tries", async () => {
  await run("restarted", "exit 1", { backoffLimit: 1 }, { restartPolicy: "OnFailure" });
  expect(ends(await ended("restarted")).at(-1)?.[1]).toBe("BackoffLimitExceeded");
});

test("pods of an Indexed Job have their index; failed indexes are given up alone", async () => {
  await run("each", "[ $JOB_COMPLETION_INDEX != 1 ] || exit 7", {
    completionMode: "Indexed",
    completions: 4,
    parallelism: 4,
    backoffLimitPerIndex: 0,
  });
  const job = await ended("each");
  expect(job["status"]).toMatchObject({ succeeded: 3, failed: 1, completedIndexes: "0,2,3", failedIndexes: "1" });
  expect(ends(job)).toEqual([
    ["FailureTarget", "FailedIndexes", "Job has failed indexes"],
    ["Failed", "FailedIndexes", "Job has failed indexes"],
  ]);
  const facts = (await podsOf("each")).map(({ metadata, spec }) => ({
    name: metadata.name?.replace(/-[^-]*$/, ""),
    index: metadata.labels?.["batch.kubernetes.io/job-completion-index"],
    annotation: metadata.annotations?.["batch.kubernetes.io/job-completion-index"],
    hostname: spec.hostname,
    env: spec.containers[0].env,
  }));
  facts.sort((a, b) => Number(a.index) - Number(b.index));
  const fieldPath = "metadata.labels['batch.kubernetes.io/job-completion-index']";
  const env = [{ name: "JOB_COMPLETION_INDEX", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath } } }];
  expect(facts).toEqual(
    ["0", "1", "2", "3"].map((index) => ({
      name: `each-${index}`,
      index,
      annotation: index,
      hostname: `each-${index}`,
      env,
    })),
  );
});

test("too many failed indexes end the Job", async () => {
  await run("many", "[ $JOB_COMPLETION_INDEX = 3 ] && sleep infinity || exit 1", {
    completionMode: "Indexed",
    completions: 4,
    parallelism: 4,
    backoffLimitPerIndex: 0,
    maxFailedIndexes: 1,
  });
  expect(ends(await ended("many")).at(-1)).toEqual([
    "Failed",
    "MaxFailedIndexesExceeded",
    "Job has exceeded the specified maximal number of failed indexes",
  ]);
});

test("a success policy ends a Job before its completions", async () => {
  await run("early", "[ $JOB_COMPLETION_INDEX = 0 ] || sleep infinity", {
    completionMode: "Indexed",
    completions: 3,
    parallelism: 3,
    successPolicy: { rules: [{ succeededIndexes: "0" }] },
  });
  const job = await ended("early");
  expect(ends(job)).toEqual([
    ["SuccessCriteriaMet", "SuccessPolicy", "Matched rules at index 0"],
    ["Complete", "SuccessPolicy", "Matched rules at index 0"],
  ]);
  expect(job["status"]).toMatchObject({ succeeded: 1, completedIndexes: "0", terminating: 0 });
});

test("a pod failure policy ends a Job at once, and names the pod", async () => {
  await run("policy", "exit 42", {
    podFailurePolicy: { rules: [{ action: "FailJob", onExitCodes: { operator: "In", values: [42] } }] },
  });
  const [type, reason, message] = ends(await ended("policy")).at(-1) as string[];
  expect([type, reason]).toEqual(["Failed", "PodFailurePolicy"]);
  expect(message).toMatch(
    new RegExp(
      `^Container main for pod ${namespace}/policy-\\w+ failed with exit code 42 matching FailJob rule at index 0$`,
    ),
  );
});

test("a Job is suspended and goes on", async () => {
  await run("paused", "echo done", { suspend: true });
  const suspended = await until(jobs, "paused", (job) => conditions(job).length === 1);
  expect(conditions(suspended)[0]).toMatchObject({ type: "Suspended", status: "True", reason: "JobSuspended" });
  expect(await podsOf("paused")).toEqual([]);
  await client.resource(jobs).patch("paused", namespace, { spec: { suspend: false } }, { type: "merge" });
  const job = await ended("paused");
  expect(conditions(job)[0]).toMatchObject({ type: "Suspended", status: "False", reason: "JobResumed" });
  const texts = await told("paused", "Normal Completed Job completed");
  expect(texts).toContain("Normal Suspended Job suspended");
  expect(texts).toContain("Normal Resumed Job resumed");
});

test("a Job that takes too long is ended, its pods too", async () => {
  await run("slow", "sleep 600", { activeDeadlineSeconds: 2 }, { terminationGracePeriodSeconds: 1 });
  const job = await ended("slow");
  const text = "Job was active longer than specified deadline";
  expect(ends(job)).toEqual([
    ["FailureTarget", "DeadlineExceeded", text],
    ["Failed", "DeadlineExceeded", text],
  ]);
  expect(job["status"]).toMatchObject({ failed: 1, terminating: 0, ready: 0 });
});

test("kubectl waits for a Job, and a finished one goes when its time is over", async () => {
  await run("brief", "sleep 1", { ttlSecondsAfterFinished: 3 });
  const waited = await lane.kubectl([
    "-n",
    namespace,
    "wait",
    "--for=condition=complete",
    "job/brief",
    "--timeout=30s",
  ]);
  expect(waited).toMatchObject({ code: 0, stdout: "job.batch/brief condition met\n" });
  await untilGone(jobs, "brief");
});

test("deleting a Job lets its pods go", async () => {
  await run("gone", "sleep 600", {}, { terminationGracePeriodSeconds: 1 });
  await until(jobs, "gone", ({ status }) => status?.ready === 1);
  const [pod] = await podsOf("gone");
  await client.resource(jobs).delete("gone", namespace, { propagationPolicy: "Background" });
  await untilGone(pods, pod?.metadata.name as string);
});
