import { ManualClock } from "@podwright/client";
import type { JsonObject } from "@podwright/kube";
import { expect, test } from "vitest";
import { Gathering } from "./gathering.ts";
import { eligibleNodes, type NodeFacts } from "./placement.ts";
import { beginRoll, emptyState, formatState, parseState, quarantinedIds, type Roll, refuse, retry } from "./state.ts";
import { noticeOthers } from "./transitions.ts";
import { templatePatch, toWorkload } from "./workload.ts";

const roll = (from: string, to: string, more: Partial<Roll> = {}): Roll => ({
  container: "c",
  from: { image: from, id: `id-${from}` },
  to: { image: to, id: `id-${to}` },
  at: "2026-01-01T00:00:00.000Z",
  why: "newest",
  source: "docker",
  result: "pending",
  ...more,
});
const container = (image: string) => ({ list: "containers", name: "c", image, pullPolicy: "IfNotPresent" }) as const;

test("a state comes back as it was, of its own workload alone, and stays small", () => {
  let state = beginRoll(emptyState("u1"), roll("a:1", "a:2"));
  expect(parseState(formatState(state), "u1")).toEqual(state);
  expect(parseState(formatState(state), "u2")).toBeUndefined();
  expect(parseState("{", "u1")).toBeUndefined();
  for (let i = 0; i < 1000; i++) {
    state = beginRoll(state, roll(`a:${i}`, `a:${i + 1}`));
    state = refuse(state, { id: `id${i}`, image: "a", why: "x".repeat(1000), at: "", quarantined: i % 2 === 0 });
  }
  const text = formatState(state);
  expect(text.length).toBeLessThan(16_000);
  expect(parseState(text, "u1")?.rolls).toHaveLength(10);
});

test("an image that comes before the last one was ready goes back to what was", () => {
  const state = beginRoll(beginRoll(emptyState("u"), roll("a:1", "a:2")), roll("a:2", "a:3"));
  expect(state.rolls.map(({ result }) => result)).toEqual(["pending", "superseded"]);
  expect(state.rolls[0]?.good).toEqual({ image: "a:1", id: "id-a:1" });
});

test("what is put back is a no, what is set otherwise is a choice, what is as we made it is neither", () => {
  const state = beginRoll(emptyState("u"), roll("a:1", "a:2"));
  expect(noticeOthers([container("a:2")], state, "now")).toEqual({ state, undone: [] });
  const undone = noticeOthers([container("a:1")], state, "now");
  expect(undone.state.rolls[0]?.result).toBe("undone");
  expect(quarantinedIds(undone.state)).toEqual(new Set(["id-a:2"]));
  expect(retry(undone.state)).toMatchObject({ refused: [], retried: ["id-a:2"] });
  const replaced = noticeOthers([container("a:9")], state, "now");
  expect(replaced.state.rolls[0]?.result).toBe("replaced");
  expect(replaced.undone).toEqual([]);
});

test("a burst is over when it is quiet, or when it has gone on for ten times as long", () => {
  const clock = new ManualClock();
  const gathering = new Gathering(100, clock);
  expect(gathering.waitMs("a")).toBe(0);
  gathering.add("a");
  clock.advance(60);
  gathering.add("a");
  expect(gathering.waitMs("a")).toBe(100);
  for (let i = 0; i < 18; i++) {
    clock.advance(50);
    gathering.add("a");
  }
  expect(gathering.waitMs("a")).toBe(40);
  clock.advance(40);
  expect(gathering.waitMs("a")).toBe(0);
  gathering.close("a");
  gathering.add("a");
  expect(gathering.waitMs("a")).toBe(100);
});

test("pods come to nodes by name, selector, affinity and taints", () => {
  const node = (name: string, labels: Record<string, string> = {}, more: Partial<NodeFacts> = {}): NodeFacts => ({
    name,
    labels,
    taints: [],
    unschedulable: false,
    ...more,
  });
  const taint = { key: "role", value: "db", effect: "NoSchedule" };
  const nodes = [
    node("a", { zone: "1", size: "8" }),
    node("b", { zone: "2" }),
    node("c", { zone: "1" }, { taints: [taint] }),
    node("d", { zone: "1" }, { unschedulable: true }),
  ];
  expect(eligibleNodes({}, nodes)).toEqual(["a", "b"]);
  expect(eligibleNodes({ nodeName: "d" }, nodes)).toEqual(["d"]);
  expect(eligibleNodes({ nodeSelector: { zone: "1" } }, nodes)).toEqual(["a"]);
  const tolerations = [{ key: "role", operator: "Equal", value: "db" }];
  expect(eligibleNodes({ nodeSelector: { zone: "1" }, tolerations }, nodes)).toEqual(["a", "c"]);
  expect(eligibleNodes({ tolerations: [{ operator: "Exists" }] }, nodes)).toEqual(["a", "b", "c", "d"]);
  const terms = (key: string, operator: string, ...values: string[]) => [
    { matchExpressions: [{ key, operator, values }] },
  ];
  expect(eligibleNodes({ terms: terms("zone", "NotIn", "1") }, nodes)).toEqual(["b"]);
  expect(eligibleNodes({ terms: terms("size", "Gt", "4") }, nodes)).toEqual(["a"]);
  expect(eligibleNodes({ terms: terms("size", "DoesNotExist") }, nodes)).toEqual(["b"]);
  expect(eligibleNodes({ terms: [] }, nodes)).toEqual([]);
});

test("DaemonSets' pods come to cordoned nodes, as others do that tolerate it", () => {
  const daemonSet = { apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name: "w", namespace: "n" } };
  const { placement } = toWorkload({ ...daemonSet, spec: { template: { spec: {} } } });
  const key = "node.kubernetes.io/unschedulable";
  const taints = [{ key, effect: "NoSchedule" }];
  const pressure = [{ key: "node.kubernetes.io/disk-pressure", effect: "NoSchedule" }];
  const nodes: NodeFacts[] = [
    { name: "cordoned", labels: {}, taints, unschedulable: true },
    { name: "just-cordoned", labels: {}, taints: [], unschedulable: true },
    { name: "full", labels: {}, taints: pressure, unschedulable: false },
    { name: "special", labels: {}, taints: [{ key: "role", effect: "NoSchedule" }], unschedulable: false },
  ];
  expect(eligibleNodes({}, nodes)).toEqual([]);
  expect(eligibleNodes(placement, nodes)).toEqual(["cordoned", "just-cordoned", "full"]);
  const tolerations = [{ key, operator: "Exists", effect: "NoSchedule" }];
  expect(eligibleNodes({ tolerations }, nodes)).toEqual(["cordoned", "just-cordoned"]);
});

test("a patch names the one container, where its kind has it", () => {
  expect(templatePatch("Deployment", [{ container: container("a:1"), image: "a:2", pin: null }])).toEqual({
    template: {
      metadata: { annotations: { "image.podwright.dev/c": null } },
      spec: { containers: [{ name: "c", image: "a:2" }] },
    },
  });
  expect(templatePatch("CronJob", [{ container: container("a:1"), image: "a:2" }])).toEqual({
    jobTemplate: { spec: { template: { spec: { containers: [{ name: "c", image: "a:2" }] } } } },
  });
});

test("who wrote images last is told from the managed fields, but for us", () => {
  const entry = (manager: string, time: string, fields: JsonObject, subresource?: string) => ({
    manager,
    time,
    operation: "Update",
    fieldsV1: { "f:spec": { "f:template": { "f:spec": fields } } },
    ...(subresource === undefined ? {} : { subresource }),
  });
  const images = { "f:containers": { 'k:{"name":"c"}': { "f:image": {} } } };
  const { templateSetAt } = toWorkload({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name: "w",
      namespace: "n",
      creationTimestamp: "2026-01-01T00:00:00Z",
      managedFields: [
        entry("kubectl", "2026-01-02T00:00:00Z", images),
        entry("podwright-fresh", "2026-01-05T00:00:00Z", images),
        entry("kubectl-rollout", "2026-01-04T00:00:00Z", {}),
        entry("kube-controller-manager", "2026-01-06T00:00:00Z", images, "status"),
      ],
    },
  });
  expect(templateSetAt).toBe(Date.parse("2026-01-02T00:00:00Z"));
});
