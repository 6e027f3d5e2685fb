import { type Client, events, jobs, pods } from "@podwright/client";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Pod } from "../../kinds.ts";
import { type Cluster, startCluster } from "../../start-cluster.ts";
import { until, untilGone } from "../../testing/until.ts";
import { finishedCondition, type Job, type JobSpec } from "./job.ts";

let cluster: Cluster;
let client: Client;
beforeAll(async () => {
  cluster = await startCluster();
  client = cluster.client;
});
afterAll(() => cluster?.stop());

function jobOf(name: string, script: string, spec: Partial<JobSpec> = {}): Job {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, namespace: "default" },
    spec: {
      template: {
        spec: {
          restartPolicy: "Never",
          containers: [{ name: "main", image: "busybox", command: ["sh", "-c", script] }],
        },
      },
      ...spec,
    } as JobSpec,
  };
}

const run = (job: Job): Promise<Job> => client.resource<Job>(jobs).create(job);
const ended = (name: string): Promise<Job> =>
  until<Job>(client, jobs, name, (job) => finishedCondition(job) !== undefined);

test("a Job ends when its pods have succeeded, and says so", async () => {
  await run(jobOf("fine", "exit 0", { completions: 3, parallelism: 2 }));
  const { status } = await ended("fine");
  expect(status).toMatchObject({ succeeded: 3, ready: 0, terminating: 0, uncountedTerminatedPods: {} });
  expect(status?.conditions?.map(({ type, reason }) => [type, reason])).toEqual([
    ["SuccessCriteriaMet", "CompletionsReached"],
    ["Complete", "CompletionsReached"],
  ]);
  const list = await client.resource<Pod>(pods).list({ namespace: "default", labelSelector: "job-name=fine" });
  expect(list.items.map(({ metadata }) => metadata.finalizers ?? [])).toEqual([[], [], []]);
  const fieldSelector = "involvedObject.name=fine";
  await vi.waitFor(
    async () => {
      const told = await client.resource(events).list({ namespace: "default", fieldSelector });
      expect(told.items.map((event) => event["reason"])).toContain("Completed");
    },
    { timeout: 20_000 },
  );
});

test("a Job without tries left fails", async () => {
  await run(jobOf("bad", "exit 3", { backoffLimit: 0 }));
  const { status } = await ended("bad");
  expect(status).toMatchObject({ failed: 1 });
  expect(status?.conditions?.map(({ type, reason, message }) => [type, reason, message])).toEqual([
    ["FailureTarget", "BackoffLimitExceeded", "Job has reached the specified backoff limit"],
    ["Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"],
  ]);
});

test("an Indexed Job tells its pods their index, and gives up on those that fail too often", async () => {
  const script = "[ $JOB_COMPLETION_INDEX != 1 ] || exit 7";
  await run(
    jobOf("each", script, { completionMode: "Indexed", completions: 4, parallelism: 4, backoffLimitPerIndex: 0 }),
  );
  const { status } = await ended("each");
  expect(status).toMatchObject({ succeeded: 3, failed: 1, completedIndexes: "0,2,3", failedIndexes: "1" });
  expect(status?.conditions?.at(-1)).toMatchObject({
    type: "Failed",
    reason: "FailedIndexes",
    message: "Job has failed indexes",
  });
  const list = await client.resource<Pod>(pods).list({ namespace: "default", labelSelector: "job-name=each" });
  const described = list.items.map(({ metadata, spec }) => [
    metadata.name?.replace(/-[^-]*$/, ""),
    metadata.labels?.["batch.kubernetes.io/job-completion-index"],
    spec.hostname,
  ]);
  expect(described.sort()).toEqual([0, 1, 2, 3].map((index) => [`each-${index}`, `${index}`, `each-${index}`]));
});

test("a success policy ends a Job early", async () => {
  await run(
    jobOf("early", "[ $JOB_COMPLETION_INDEX = 0 ] || sleep infinity", {
      completionMode: "Indexed",
      completions: 3,
      parallelism: 3,
      successPolicy: { rules: [{ succeededIndexes: "0" }] },
    }),
  );
  const { status } = await ended("early");
  expect(status).toMatchObject({ succeeded: 1, completedIndexes: "0" });
  expect(status?.conditions?.at(-1)).toMatchObject({ type: "Complete", message: "Matched rules at index 0" });
});

test("a pod failure policy ends a Job at once", async () => {
  await run(
    jobOf("policy", "exit 42", {
      podFailurePolicy: { rules: [{ action: "FailJob", onExitCodes: { operator: "In", values: [42] } }] },
    }),
  );
  const { status } = await ended("policy");
  expect(status?.conditions?.at(-1)).toMatchObject({
    type: "Failed",
    reason: "PodFailurePolicy",
    message: expect.stringMatching(
      /^Container main for pod default\/policy-\w+ failed with exit code 42 matching FailJob rule at index 0$/,
    ),
  });
});

test("a suspended Job has no pods, and has them when it goes on", async () => {
  await run(jobOf("paused", "exit 0", { suspend: true }));
  const suspended = await until<Job>(client, jobs, "paused", ({ status }) => status?.conditions?.length === 1);
  expect(suspended.status).toMatchObject({ conditions: [{ type: "Suspended", status: "True" }] });
  expect(suspended.status?.startTime).toBeUndefined();
  await client.resource(jobs).patch("paused", "default", { spec: { suspend: false } }, { type: "merge" });
  expect((await ended("paused")).status).toMatchObject({ succeeded: 1 });
});

test("a Job that takes too long is ended", async () => {
  await run(jobOf("slow", "sleep 600", { activeDeadlineSeconds: 1 }));
  const { status } = await ended("slow");
  expect(status?.conditions?.at(-1)).toMatchObject({ type: "Failed", reason: "DeadlineExceeded" });
  expect(status).toMatchObject({ failed: 1, terminating: 0 });
});

test("deleting a Job lets its pods go", async () => {
  await run(jobOf("gone", "sleep 600"));
  await until<Job>(client, jobs, "gone", ({ status }) => status?.ready === 1);
  await client.resource(jobs).delete("gone", "default", { propagationPolicy: "Background" });
  const scope = { namespace: "default", labelSelector: "job-name=gone" };
  await vi.waitFor(async () => expect((await client.resource(pods).list(scope)).items).toEqual([]), {
    timeout: 20_000,
  });
});

test("a finished Job is deleted when its time to live is over", async () => {
  await run(jobOf("brief", "exit 0", { ttlSecondsAfterFinished: 1 }));
  await untilGone(client, jobs, "brief");
});
