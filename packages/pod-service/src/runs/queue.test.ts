import { ManualClock } from "@podwright/clock";
import type { KubeObject } from "@podwright/kube";
import { expect, test } from "vitest";
import { Problem } from "../problem.ts";
import { defaultLimits, type TenantLimits } from "../tenants/tenant.ts";
import { RunQueue } from "./queue.ts";
import type { Attempt, QueuedRun } from "./queued-run.ts";

function setUp(
  options: { limits?: Partial<TenantLimits>; maxRuns?: number; answer?: () => Attempt["result"] | undefined } = {},
) {
  const clock = new ManualClock();
  const created: string[] = [];
  const tried: string[] = [];
  const active = new Map<string, number>();
  let total = 0;
  let sequence = 0;
  const limits = { ...defaultLimits, ...options.limits };
  const queue = new RunQueue({
    async create(item) {
      tried.push(item.name);
      const result = options.answer?.() ?? "created";
      if (result === "unavailable") return { result, problem: new Problem("cluster_failed", "away") };
      if (result === "full") return { result, message: "full" };
      if (result === "refused") return { result, problem: new Problem("refused", "no") };
      created.push(item.name);
      active.set(item.tenant, (active.get(item.tenant) ?? 0) + 1);
      total++;
      return { result: "created", object: item.object };
    },
    active: (tenant) => (tenant === undefined ? total : (active.get(tenant) ?? 0)),
    share: () => limits,
    maxRuns: options.maxRuns ?? 1_000,
    maxQueue: 1_000,
    clock,
  });
  const submit = (name: string, tenant = "a") => {
    const object: KubeObject = { apiVersion: "v1", kind: "Pod", metadata: { name } };
    const item: QueuedRun = { sequence: ++sequence, tenant, name, at: clock.now(), object, limits };
    return queue.submit(item);
  };
  const end = (tenant = "a") => {
    active.set(tenant, (active.get(tenant) ?? 0) - 1);
    total--;
    queue.freed(tenant);
  };
  return { queue, clock, created, tried, submit, end };
}

const turns = () => new Promise((resolve) => setImmediate(resolve));

test("with nothing in the way runs are created at once, in order", async () => {
  const { created, submit } = setUp();
  const tickets = ["1", "2", "3"].map((name) => submit(name));
  await Promise.all(tickets.map(({ done }) => done));
  expect(created).toEqual(["1", "2", "3"]);
});

test("at its limit a tenant waits, and goes on in order", async () => {
  const { created, end, queue, submit } = setUp({ limits: { runs: 1, queue: 2 } });
  submit("1");
  const second = submit("2");
  const third = submit("3");
  expect(await second.delayed).toBe("limit");
  expect([queue.position(second), queue.position(third)]).toEqual([1, 2]);
  expect(() => submit("4")).toThrow(
    expect.objectContaining({ code: "queue_full", retryAfterSeconds: expect.any(Number) }),
  );
  end();
  await second.done;
  await turns();
  expect(created).toEqual(["1", "2"]);
  expect(queue.position(third)).toBe(1);
});

test("the tenant with the fewest runs goes first when there is room", async () => {
  const { created, end, submit } = setUp({ maxRuns: 2 });
  for (const name of ["a1", "a2", "a3"]) submit(name, "a");
  await turns();
  submit("b1", "b");
  end("a");
  await turns();
  expect(created).toEqual(["a1", "a2", "b1"]);
});

test("while the cluster is away one run is tried now and then; afterwards all come in order, each once", async () => {
  let away = true;
  const { clock, created, queue, submit, tried } = setUp({ answer: () => (away ? "unavailable" : undefined) });
  const first = submit("1");
  await first.delayed;
  const later = ["2", "3", "4"].map((name) => submit(name));
  for (const ticket of [first, ...later]) queue.promise(ticket);
  expect(await later[2]!.delayed).toBe("cluster");
  clock.advance(100);
  await turns();
  clock.advance(200);
  await turns();
  expect(new Set(tried)).toEqual(new Set(["1"]));
  expect(later.map((ticket) => queue.position(ticket))).toEqual([2, 3, 4]);
  away = false;
  clock.advance(10_000);
  await Promise.all(later.map(({ done }) => done));
  expect(created).toEqual(["1", "2", "3", "4"]);
});

test("over its quota a tenant waits until a run ends", async () => {
  let full = true;
  const { created, end, submit } = setUp({ answer: () => (full ? "full" : undefined) });
  const ticket = submit("1");
  expect(await ticket.delayed).toBe("quota");
  full = false;
  end();
  await ticket.done;
  expect(created).toEqual(["1"]);
});

test("what is refused does not hold up the others; what waits can be taken out", async () => {
  let refuse = true;
  const { end, queue, submit } = setUp({ limits: { runs: 1 }, answer: () => (refuse ? "refused" : undefined) });
  expect(await submit("1").done).toMatchObject({ problem: { code: "refused" } });
  refuse = false;
  expect(await submit("2").done).toMatchObject({ object: {} });
  const third = submit("3");
  expect(queue.cancel("a", "3")).toBe(true);
  expect(await third.done).toEqual({ cancelled: true });
  expect(queue.cancel("a", "3")).toBe(false);
  end();
  expect(queue.depth()).toBe(0);
});
