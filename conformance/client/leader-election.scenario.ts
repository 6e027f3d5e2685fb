import { Client, HttpTransport, LeaderElector, leases, loadKubeconfig, ManualClock } from "@podwright/client";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { type Lane, openLane } from "../lane.ts";
import { BusyTransport } from "./busy-transport.ts";
import { FaultProxy } from "./fault-proxy.ts";

let lane: Lane;
let namespace: string;
let candidates: Candidate[] = [];
let transport: BusyTransport;
let shared: Client;
beforeAll(async () => {
  lane = await openLane({ nodes: 0, operator: false });
  transport = new BusyTransport(new HttpTransport(loadKubeconfig({ path: lane.kubeconfig })));
  shared = new Client(transport);
  namespace = await lane.namespace("leader");
});
afterEach(async () => {
  for (const { clock, elector } of candidates) {
    const stopping = elector.stop();
    clock.advance(60_000);
    await stopping;
  }
  candidates = [];
});
afterAll(async () => {
  await shared?.close();
  await lane?.close();
});

interface Candidate {
  elector: LeaderElector;
  clock: ManualClock;
  log: string[];
}

/** Each has a clock of its own, as processes on several machines do. */
function candidate(lease: string, identity: string, client: Client = shared): Candidate {
  const clock = new ManualClock();
  const log: string[] = [];
  const elector = new LeaderElector({
    client,
    namespace,
    name: lease,
    identity,
    onStartedLeading: (signal) => {
      log.push("started");
      signal.addEventListener("abort", () => log.push("aborted"));
    },
    onStoppedLeading: () => void log.push("stopped"),
    onNewLeader: (leader) => void log.push(`leader ${leader}`),
    clock,
    random: () => 0,
  });
  const made = { elector, clock, log };
  candidates.push(made);
  return made;
}

/** Lets a candidate's time pass in small steps, each with the time to carry out what it brings. */
async function pass({ clock }: Candidate, ms: number): Promise<void> {
  const end = clock.now() + ms;
  while (clock.now() < end) {
    clock.advance(Math.min(500, end - clock.now()));
    await transport.idle();
  }
}

/** Gives a candidate whose requests go nowhere the time to send them. */
async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) await lane.client.request("GET", "/version");
}

async function holder(
  lease: string,
): Promise<{ holderIdentity?: string; leaseTransitions?: number; renewTime?: string }> {
  return (await lane.client.resource(leases).get(lease, namespace))["spec"];
}

test("the first leads, renews, and hands over at once when it stops", async () => {
  const one = candidate("handover", "one");
  one.elector.start();
  await vi.waitFor(() => expect(one.log).toEqual(["leader one", "started"]), { timeout: 20_000 });
  const two = candidate("handover", "two");
  two.elector.start();
  await vi.waitFor(() => expect(two.log).toEqual(["leader one"]), { timeout: 20_000 });
  for (let i = 0; i < 10; i++) {
    const { renewTime } = await holder("handover");
    await pass(one, 3000);
    expect((await holder("handover")).renewTime).not.toBe(renewTime);
    await pass(two, 3000);
  }
  expect([one.elector.isLeader, two.elector.isLeader]).toEqual([true, false]);
  expect(await holder("handover")).toMatchObject({ holderIdentity: "one", leaseTransitions: 0 });

  await one.elector.stop();
  expect(one.log.slice(-2)).toEqual(["aborted", "stopped"]);
  expect((await holder("handover")).holderIdentity ?? "").toBe("");
  two.clock.advance(2000);
  await vi.waitFor(() => expect(two.log).toContain("started"), { timeout: 20_000 });
  expect(two.elector.isLeader).toBe(true);
  expect(await holder("handover")).toMatchObject({ holderIdentity: "two", leaseTransitions: 1 });
});

test("a leader that is silent is replaced when its lease has run out, and sees it", async () => {
  const one = candidate("silent", "one");
  one.elector.start();
  await vi.waitFor(() => expect(one.elector.isLeader).toBe(true), { timeout: 20_000 });
  const two = candidate("silent", "two");
  two.elector.start();
  await vi.waitFor(() => expect(two.elector.leader).toBe("one"), { timeout: 20_000 });
  await pass(two, 14_000);
  expect(two.elector.isLeader).toBe(false);
  await pass(two, 3000);
  await vi.waitFor(() => expect(two.elector.isLeader).toBe(true), { timeout: 20_000 });
  // The first one's process wakes up: it cannot renew, and stops. The lease it must not touch.
  await pass(one, 13_000);
  await one.elector.ended;
  expect(one.log).toEqual(["leader one", "started", "leader two", "aborted", "stopped"]);
  expect(await holder("silent")).toMatchObject({ holderIdentity: "two", leaseTransitions: 1 });
});

test("a leader that was suspended does not take itself for one, before it even looks", async () => {
  const one = candidate("suspended", "one");
  one.elector.start();
  await vi.waitFor(() => expect(one.elector.isLeader).toBe(true), { timeout: 20_000 });
  await one.elector.stop();
  const two = candidate("suspended", "two");
  two.elector.start();
  await vi.waitFor(() => expect(two.elector.isLeader).toBe(true), { timeout: 20_000 });
  const before = two.clock.now();
  vi.spyOn(two.clock, "now").mockReturnValue(before + 15_000);
  expect(two.elector.isLeader).toBe(false);
  vi.restoreAllMocks();
});

test("a leader cut off from the API server stops leading before its lease runs out", async () => {
  const proxy = await FaultProxy.open(loadKubeconfig({ path: lane.kubeconfig }));
  const client = new Client(new HttpTransport(proxy.connection));
  const one = candidate("cut", "one", client);
  one.elector.start();
  await vi.waitFor(() => expect(one.elector.isLeader).toBe(true), { timeout: 20_000 });
  const renewedBefore = one.clock.now();
  proxy.cut();
  while (one.elector.isLeader) {
    one.clock.advance(500);
    await settled();
  }
  expect(one.clock.now() - renewedBefore).toBeLessThan(15_000);
  proxy.mend();
  await one.elector.ended;
  expect(one.log.slice(-2)).toEqual(["aborted", "stopped"]);
  await client.close();
  await proxy.close();
});

test("of many that begin at once, one leads", async () => {
  const many = Array.from({ length: 8 }, (_, i) => candidate("many", `c${i}`));
  for (const { elector } of many) elector.start();
  // Who loses the race to create the lease looks again at its next try.
  await vi.waitFor(
    async () => {
      for (const one of many) await pass(one, 2500);
      expect(new Set(many.map(({ elector }) => elector.leader)).size).toBe(1);
    },
    { timeout: 20_000 },
  );
  expect(many.filter(({ elector }) => elector.isLeader)).toHaveLength(1);
});

test("times that cannot work are refused", () => {
  const options = { client: lane.client, namespace, name: "x", identity: "x" };
  const callbacks = { onStartedLeading: () => {}, onStoppedLeading: () => {} };
  const make = (times: object) => () => new LeaderElector({ ...options, ...callbacks, ...times });
  expect(make({ leaseDurationMs: 10_000 })).toThrow("leaseDurationMs must be greater than renewDeadlineMs");
  expect(make({ retryPeriodMs: 9000 })).toThrow("renewDeadlineMs must be greater than retryPeriodMs * 1.2");
  expect(make({ identity: "" })).toThrow("identity must not be empty");
});
