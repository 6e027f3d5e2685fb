import { expect, test } from "vitest";
import type { Pod } from "../../kinds.ts";
import { podOf } from "../../testing/objects.ts";
import { podsToDelete } from "./deletion-order.ts";

const now = Date.parse("2026-01-01T12:00:00Z");

interface Facts {
  node?: string;
  phase?: "Pending" | "Running";
  readyForSeconds?: number;
  cost?: number;
  restarts?: number;
  ageSeconds?: number;
}

function pod(name: string, facts: Facts): Pod {
  const made = podOf(name, [{}], { nodeName: facts.node ?? "n" });
  const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();
  made.metadata.uid = name;
  made.metadata.creationTimestamp = ago(facts.ageSeconds ?? 100_000);
  if (facts.cost !== undefined) {
    made.metadata.annotations = { "controller.kubernetes.io/pod-deletion-cost": String(facts.cost) };
  }
  const ready = facts.readyForSeconds !== undefined;
  made.status = {
    phase: facts.phase ?? "Running",
    conditions: [
      { type: "Ready", status: ready ? "True" : "False", lastTransitionTime: ago(facts.readyForSeconds ?? 0) },
    ],
    containerStatuses: [{ name: "c0", ready, restartCount: facts.restarts ?? 0, image: "", imageID: "" }],
  };
  return made;
}

test.each<[why: string, first: Facts, second: Facts]>([
  ["without a node", { node: "", phase: "Pending" }, {}],
  ["pending", { phase: "Pending" }, {}],
  ["not ready", {}, { readyForSeconds: 50_000 }],
  ["cheap to delete", { readyForSeconds: 50_000, cost: -5 }, { readyForSeconds: 1 }],
  ["ready for a shorter time", { readyForSeconds: 1 }, { readyForSeconds: 50_000 }],
  ["restarted more often", { restarts: 3 }, { restarts: 1 }],
  ["younger", { ageSeconds: 5 }, { ageSeconds: 100_000 }],
])("of two pods the one that is %s goes first", (_why, first, second) => {
  const pods = [pod("b", second), pod("a", first)];
  expect(podsToDelete(pods, [], 1, now).map(({ metadata }) => metadata.name)).toEqual(["a"]);
});

test("of pods that are equally good those doubled up on a node go first", () => {
  const good = { readyForSeconds: 50_000 };
  const pods = [
    pod("a", { ...good, node: "n1" }),
    pod("b", { ...good, node: "n2" }),
    pod("c", { ...good, node: "n2" }),
  ];
  expect(podsToDelete(pods, pods, 1, now).map(({ spec }) => spec.nodeName)).toEqual(["n2"]);
});
