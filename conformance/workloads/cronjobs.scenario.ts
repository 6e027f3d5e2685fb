import { cronJobs, events, jobs } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { expect, test, vi } from "vitest";
import { openScene } from "./scene.ts";

const { lane, client, namespace, until } = await openScene("cronjobs");

function cronJob(name: string, script: string, spec: object = {}): KubeObject {
  const containers = [{ name: "main", image: "busybox:1", command: ["sh", "-c", script] }];
  return {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: { name, namespace },
    spec: {
      schedule: "* * * * *",
      jobTemplate: {
        metadata: { labels: { of: name } },
        spec: { backoffLimit: 0, template: { spec: { restartPolicy: "Never", containers } } },
      },
      ...spec,
    },
  };
}

/** Creates it as if it had been due before: its last time is a while ago. */
async function due(object: KubeObject, agoMs: number): Promise<void> {
  const resource = client.resource(cronJobs);
  const name = object.metadata.name as string;
  await resource.create({ ...object, spec: { ...object["spec"], suspend: true } });
  const lastScheduleTime = `${new Date(Date.now() - agoMs).toISOString().slice(0, 19)}Z`;
  await resource.patch(name, namespace, { status: { lastScheduleTime } }, { type: "merge", subresource: "status" });
  await resource.patch(name, namespace, { spec: { suspend: false } }, { type: "merge" });
}

const reaches = (name: string, wanted: (object: KubeObject) => boolean) => until(cronJobs, name, wanted);

async function told(name: string, awaited: RegExp): Promise<void> {
  await vi.waitFor(
    async () => {
      const fieldSelector = `involvedObject.kind=CronJob,involvedObject.name=${name}`;
      const list = await client.resource(events).list({ namespace, fieldSelector });
      const texts = list.items.map((event) => `${event["type"]} ${event["reason"]} ${event["message"]}`);
      expect(texts.join("\n")).toMatch(awaited);
    },
    { timeout: 20_000 },
  );
}

async function jobsOf(name: string): Promise<KubeObject[]> {
  return (await client.resource(jobs).list({ namespace, labelSelector: `of=${name}` })).items;
}

test("a Job is started when it is due, under the minute's name, and its end is noticed", async () => {
  await due(cronJob("minutely", "echo tick", { timeZone: "Europe/Berlin" }), 90_000);
  const { status, metadata } = await reaches(
    "minutely",
    (object) => object["status"]?.lastSuccessfulTime !== undefined,
  );
  expect(status.lastScheduleTime).toMatch(/:00Z$/);
  const [job] = await jobsOf("minutely");
  const minutes = Number(job?.metadata.name?.replace("minutely-", ""));
  const annotation = job?.metadata.annotations?.["batch.kubernetes.io/cronjob-scheduled-timestamp"] as string;
  expect(annotation).toMatch(/\+0[12]:00$/);
  expect(Date.parse(annotation)).toBe(minutes * 60_000);
  expect(job?.metadata.ownerReferences).toEqual([
    {
      apiVersion: "batch/v1",
      kind: "CronJob",
      name: "minutely",
      uid: metadata.uid,
      controller: true,
      blockOwnerDeletion: true,
    },
  ]);
  await told("minutely", /Normal SuccessfulCreate Created job minutely-\d+/);
  await told("minutely", /Normal SawCompletedJob Saw completed job: minutely-\d+, condition: Complete/);
});

test("a CronJob that missed very many times says so, and goes on", async () => {
  await due(cronJob("late", "echo tick"), 3 * 3600_000);
  await reaches("late", (object) => object["status"]?.lastSuccessfulTime !== undefined);
  await told("late", /Warning TooManyMissedTimes too many missed start times\. Set or decrease/);
});

test("what runs is left alone, or is replaced, as the policy says", { timeout: 180_000 }, async () => {
  const running = { terminationGracePeriodSeconds: 1 };
  const slow = (name: string, concurrencyPolicy: string): KubeObject => {
    const object = cronJob(name, "sleep 600", { concurrencyPolicy });
    Object.assign(object["spec"].jobTemplate.spec.template.spec, running);
    return object;
  };
  await Promise.all([due(slow("forbids", "Forbid"), 90_000), due(slow("replaces", "Replace"), 90_000)]);
  const first = await reaches("replaces", (object) => object["status"]?.active?.length === 1);
  const firstUid = first["status"].active[0].uid;
  await reaches("forbids", (object) => object["status"]?.active?.length === 1);
  // In the next minute.
  const second = await reaches("replaces", ({ status }) =>
    status?.active?.some((each: KubeObject) => each["uid"] !== firstUid),
  );
  expect(second["status"].active).toHaveLength(1);
  await told("replaces", /Normal SuccessfulDelete Deleted job replaces-\d+/);
  expect(await jobsOf("forbids")).toHaveLength(1);
});

test("a time zone or a schedule that cannot be is refused", async () => {
  const create = (object: KubeObject) => client.resource(cronJobs).create(object);
  await expect(create(cronJob("nowhere", "true", { timeZone: "Nowhere/Land" }))).rejects.toMatchObject({ code: 422 });
  await expect(create(cronJob("never", "true", { schedule: "every day" }))).rejects.toMatchObject({ code: 422 });
});

test("finished Jobs are kept as the limits say", async () => {
  const object = cronJob("history", "echo tick", { successfulJobsHistoryLimit: 0 });
  await due(object, 90_000);
  await reaches("history", (each) => each["status"]?.lastSuccessfulTime !== undefined);
  await told("history", /Normal SuccessfulDelete Deleted job history-\d+/);
});

test("kubectl starts a Job by hand from a CronJob", async () => {
  await client.resource(cronJobs).create(cronJob("manual", "echo by hand", { suspend: true }));
  const created = await lane.kubectl(["-n", namespace, "create", "job", "now", "--from=cronjob/manual"]);
  expect(created).toMatchObject({ code: 0, stdout: "job.batch/now created\n" });
  await until(jobs, "now", ({ status }) => status?.succeeded === 1);
  expect((await lane.kubectl(["-n", namespace, "logs", "job/now"])).stdout).toBe("by hand\n");
});
