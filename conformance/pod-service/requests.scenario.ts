import { jobs, persistentVolumeClaims, pods } from "@podwright/client";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Lane, openLane } from "../lane.ts";
import { copyJob, makeTenant, shellPod, startService, type TestService, waiting } from "./service-lane.ts";

let lane: Lane;
let at: TestService;
let namespace: string;
let tenant: string;
beforeAll(async () => {
  lane = await openLane({ operator: false });
  at = await startService(lane, { instance: `requests-${Date.now()}` });
  namespace = await lane.namespace("requests");
  tenant = namespace;
  await makeTenant(lane, tenant, {
    namespace,
    templates: {
      pod: shellPod(),
      copy: copyJob,
      sized: {
        template: {
          apiVersion: "v1",
          kind: "Pod",
          metadata: { name: "sized-{tenantId}-{hash}", labels: { size: "{size}" } },
          spec: {
            restartPolicy: "Never",
            terminationGracePeriodSeconds: "{grace}",
            containers: [
              {
                name: "main",
                image: "busybox:{version}",
                env: [{ name: "SIZE", value: "{size}" }],
                command: ["run", "--size={size}"],
              },
            ],
          },
        },
        parameters: {
          type: "object",
          required: ["size"],
          properties: {
            size: { type: "integer", minimum: 1, maximum: 9 },
            version: { enum: ["1.28.4", "latest"], default: "latest" },
            grace: { type: "integer", default: 7 },
          },
        },
      },
    },
  });
});
afterAll(async () => {
  await at?.service.stop();
  await lane?.close();
});

test("a pod is made at once: 201, Location, the object that was accepted; then it can be read, listed and deleted", async () => {
  const made = await at.call("POST", "/pods", { body: { tenant, cmd: "echo hi", vols: [] } });
  expect(made).toMatchObject({
    status: 201,
    body: {
      kind: "Pod",
      metadata: { namespace, uid: expect.any(String), resourceVersion: expect.any(String) },
      spec: { containers: [{ args: ["/bin/sh", "-c", "echo hi"] }] },
      run: { tenant, template: "pod", phase: "Pending" },
    },
  });
  const { name } = made.body.metadata;
  expect(name).toMatch(new RegExp(`^pod-${tenant}-[0-9a-f]{20}$`));
  expect(made.headers.get("location")).toBe(`/pods/${name}?tenant=${tenant}`);

  const read = await at.call("GET", `${made.headers.get("location")}&wait=completed`);
  expect(read).toMatchObject({
    status: 200,
    body: {
      metadata: { name },
      run: {
        phase: "Succeeded",
        exitCode: 0,
        reason: "Completed",
        node: expect.any(String),
        startedAt: expect.any(String),
        finishedAt: expect.any(String),
      },
    },
  });
  const list = await at.call("GET", `/pods?tenant=${tenant}&state=succeeded&fields=name,phase`);
  expect(list.body.items).toContainEqual({ name, phase: "Succeeded" });
  const one = await at.call("GET", `/service/v1/pods?tenant=${tenant}&name=${name}&fields=run.exitCode,metadata.name`);
  expect(one.body).toMatchObject({ run: { exitCode: 0 }, metadata: { name } });

  expect(await at.call("DELETE", `/pods/${name}?tenant=${tenant}&grace=0`)).toMatchObject({ status: 200 });
  await vi.waitFor(async () => {
    expect(await at.call("DELETE", `/pods/${name}?tenant=${tenant}`)).toMatchObject({
      status: 404,
      body: { code: "not_found" },
    });
  }, waiting);
  // What is over is remembered.
  expect(await at.call("GET", `/pods/${name}?tenant=${tenant}`)).toMatchObject({
    status: 200,
    body: { metadata: { name }, run: { phase: "Succeeded", exitCode: 0 } },
  });
});

test("a Job's template in upstream's form makes a Job; its exit code is its pod's", async () => {
  const made = await at.call("POST", "/pods?wait=completed&timeout=40", {
    body: { tenant, template: "copy", cmd: "cp -r /src/* /dest/" },
  });
  expect(made).toMatchObject({ status: 201, body: { kind: "Job", run: { kind: "Job" } } });
  const { name } = made.body.metadata;
  const job = await lane.client.resource(jobs).get(name, namespace);
  expect(job["spec"].template.spec.containers[0].args).toEqual(["/bin/sh", "-c", "cp -r /src/* /dest/"]);
  expect(await lane.client.resource(pods).list({ namespace, labelSelector: `job-name=${name}` })).toMatchObject({
    items: [{}],
  });
  // The API server answers with a Status here: a Job goes at once.
  expect(await at.call("DELETE", made.headers.get("location") as string)).toMatchObject({
    status: 200,
    body: { kind: "Job", metadata: { name }, spec: {}, run: { name, kind: "Job" } },
  });
});

test("parameters: defaults, types and enums; what is wrong is named", async () => {
  const made = await at.call("POST", "/pods", { body: { tenant, template: "sized", params: { size: 3 } } });
  expect(made).toMatchObject({
    status: 201,
    body: {
      metadata: { labels: { size: "3" } },
      spec: {
        terminationGracePeriodSeconds: 7,
        containers: [{ image: "busybox:latest", command: ["run", "--size=3"], env: [{ name: "SIZE", value: "3" }] }],
      },
    },
  });
  const wrong = await at.call("POST", "/pods", {
    body: { tenant, template: "sized", params: { size: 10, version: "2", other: 1 } },
  });
  expect(wrong).toMatchObject({ status: 400, body: { code: "invalid_request" } });
  expect(wrong.body.errors.map(({ field }: { field: string }) => field).sort()).toEqual([
    "params.other",
    "params.size",
    "params.version",
  ]);
  expect(await at.call("POST", "/pods", { body: { tenant, template: "sized" } })).toMatchObject({
    status: 400,
    body: { errors: [{ field: "params.size", message: "is missing" }] },
  });
  expect(
    await at.call("POST", "/pods", { body: { tenant, template: "sized", cmd: "x", params: { size: 1 } } }),
  ).toMatchObject({
    status: 400,
    body: { errors: [{ field: "cmd" }] },
  });
});

describe("volumes", () => {
  beforeAll(async () => {
    for (const name of ["data", "more"]) {
      await lane.client.resource(persistentVolumeClaims).create({
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: { name, namespace },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } },
      });
    }
  });

  test("are added to the template's own; one claim is one volume", async () => {
    const vols = [
      { pvc: "data", mount: "/a" },
      { pvc: "data", mount: "/b", subpath: "in/side" },
      { pvc: "more", mount: "/c/" },
    ];
    const { body, status } = await at.call("POST", "/pods", { body: { tenant, cmd: "ls", vols } });
    expect(status).toBe(201);
    const claims = body.spec.volumes.filter((volume: object) => "persistentVolumeClaim" in volume);
    expect(
      claims.map((volume: { persistentVolumeClaim: { claimName: string } }) => volume.persistentVolumeClaim.claimName),
    ).toEqual(["data", "more"]);
    expect(body.spec.containers[0].volumeMounts).toEqual(
      expect.arrayContaining([
        { name: claims[0].name, mountPath: "/a" },
        { name: claims[0].name, mountPath: "/b", subPath: "in/side" },
        { name: claims[1].name, mountPath: "/c/" },
      ]),
    );
  });

  test.each([
    ["a mount with ..", [{ pvc: "data", mount: "/a/../etc" }], "vols[0].mount"],
    ["a relative mount", [{ pvc: "data", mount: "a" }], "vols[0].mount"],
    ["the root", [{ pvc: "data", mount: "//" }], "vols[0].mount"],
    ["a mount with a colon", [{ pvc: "data", mount: "/a:/b" }], "vols[0].mount"],
    [
      "one mount twice",
      [
        { pvc: "data", mount: "/a" },
        { pvc: "more", mount: "/a/" },
      ],
      "vols[1].mount",
    ],
    ["a subpath that leads out", [{ pvc: "data", mount: "/a", subpath: "x/../../y" }], "vols[0].subpath"],
    ["an absolute subpath", [{ pvc: "data", mount: "/a", subpath: "/x" }], "vols[0].subpath"],
    ["a claim that is no name", [{ pvc: "../data", mount: "/a" }], "vols[0].pvc"],
    ["no mount", [{ pvc: "data" }], "vols[0].mount"],
  ])("%s is refused with the field", async (_what, vols, field) => {
    const refused = await at.call("POST", "/pods", { body: { tenant, cmd: "ls", vols } });
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ field }], error: expect.any(String) } });
  });

  test("a claim that does not exist is refused", async () => {
    const vols = [{ pvc: "none", mount: "/a" }];
    expect(await at.call("POST", "/pods", { body: { tenant, cmd: "ls", vols } })).toMatchObject({
      status: 422,
      body: { code: "volume_missing", errors: [{ field: "vols[0].pvc" }] },
    });
  });
});

test.each([
  ["quotes and expansions", `"; rm -rf / $(reboot) \`id\` ' \\ {} {hash} {tenantId} %s`],
  ["many lines and other scripts", "a\n\tb\r\n日本語 🙂"],
  ["an empty one", ""],
  ["a long one", "x".repeat(100_000)],
])("a command reaches the container as one argument: %s", async (_what, cmd) => {
  const { body, status } = await at.call("POST", "/pods", { body: { tenant, cmd } });
  expect(status).toBe(201);
  expect(body.spec.containers[0].args).toEqual(["/bin/sh", "-c", cmd]);
});

test("what kubelets would replace in a command is kept from them", async () => {
  const { body } = await at.call("POST", "/pods", { body: { tenant, cmd: "echo $$ $(date)" } });
  expect(body.spec.containers[0].args[2]).toBe("echo $$$$ $$(date)");
});

describe("one Idempotency-Key", () => {
  test("gives the same answer again, and makes one pod however many ask at once", async () => {
    const asking = { body: { tenant, cmd: "echo once" }, headers: { "idempotency-key": "only once" } };
    const answers = await Promise.all(Array.from({ length: 10 }, () => at.call("POST", "/pods", asking)));
    const again = await at.call("POST", "/pods", asking);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    expect(new Set([...answers, again].map(({ body }) => body.metadata.uid)).size).toBe(1);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(again.body).toEqual(answers.find(({ headers }) => headers.get("idempotency-replayed") === null)?.body);
  });

  test("with another request is refused", async () => {
    const headers = { "idempotency-key": "reused" };
    expect(await at.call("POST", "/pods", { body: { tenant, cmd: "one" }, headers })).toMatchObject({ status: 201 });
    expect(await at.call("POST", "/pods", { body: { tenant, cmd: "two" }, headers })).toMatchObject({
      status: 422,
      body: { code: "key_reused" },
    });
  });
});

test("a tenant can have templates only, by their names", async () => {
  for (const body of [
    { tenant, cmd: "x", template: "none" },
    { tenant, cmd: "x", template: "__proto__" },
    { tenant, cmd: "x", template: { kind: "Pod" } },
  ]) {
    expect(await at.call("POST", "/pods", { body })).toMatchObject({
      status: 400,
      body: { errors: [{ field: "template" }] },
    });
  }
  const { body } = await at.call("POST", "/pods", {
    body: { tenant, cmd: "x", spec: { hostNetwork: true }, metadata: { name: "mine" } },
  });
  expect(body.spec.hostNetwork).toBeUndefined();
  expect(body.metadata.name).not.toBe("mine");
});

test("pages follow each other by cursors, and hold each run once", async () => {
  const names = new Set<string>();
  for (let i = 0; i < 7; i++)
    names.add((await at.call("POST", "/pods", { body: { tenant, cmd: `page ${i}` } })).body.metadata.name);
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const { body } = await at.call(
      "GET",
      `/pods?tenant=${tenant}&limit=3${cursor === undefined ? "" : `&cursor=${cursor}`}`,
    );
    seen.push(...body.items.map((run: { name: string }) => run.name));
    cursor = body.next;
  } while (cursor !== undefined);
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen).toEqual(expect.arrayContaining([...names]));
  expect(seen.slice(0, 7)).toEqual([...names].reverse());
});

test("the log as text and as events", async () => {
  const { body } = await at.call("POST", "/pods?wait=completed", { body: { tenant, cmd: "echo one; echo two" } });
  const path = `/pods/${body.metadata.name}/log?tenant=${tenant}`;
  const text = await at.call("GET", `${path}&tail=10`);
  expect(text.status).toBe(200);
  expect(text.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  const events = await at.call("GET", `${path}&follow=true`, { headers: { accept: "text/event-stream" } });
  expect(events.body).toContain("event: end\n");
  expect(await at.call("GET", `${path}&since=yesterday`)).toMatchObject({
    status: 400,
    body: { errors: [{ field: "since" }] },
  });
  expect(await at.call("GET", `/pods/none/log?tenant=${tenant}`)).toMatchObject({ status: 404 });
});

test("the events of a run: its state at once, its changes, its end", async () => {
  const { body } = await at.call("POST", "/pods", { body: { tenant, cmd: "echo hi" } });
  const { body: text } = await at.call("GET", `/pods/${body.metadata.name}/events?tenant=${tenant}`);
  const states = [...text.matchAll(/^event: state\nid: \d+\ndata: (.*)$/gm)].map((match) =>
    JSON.parse(match[1] as string),
  );
  expect(states.at(-1)).toMatchObject({ name: body.metadata.name, phase: "Succeeded", exitCode: 0 });
  expect(text.endsWith("event: end\ndata: {}\n\n")).toBe(true);
});
