import { expect, test } from "vitest";
import type { ReplicaSet } from "../../kinds.ts";
import { deploymentOf } from "../../testing/objects.ts";
import { maxSurge, maxUnavailable, newReplicaSetSize, proportion } from "./limits.ts";

type Amount = number | string;

test.each<[replicas: number, surge: Amount, unavailable: Amount, expected: [number, number]]>([
  [2, "0%", "1%", [0, 1]],
  [1, "0%", "1%", [0, 1]],
  [2, "1%", "25%", [1, 0]],
  [4, "25%", "25%", [1, 1]],
  [10, "25%", "25%", [3, 2]],
  [10, 3, 0, [3, 0]],
  [3, 1, 7, [1, 3]],
  [0, "25%", "25%", [0, 0]],
])("%d replicas with a surge of %s and %s unavailable", (replicas, surge, unavailable, expected) => {
  const deployment = deploymentOf("d", {
    replicas,
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: surge, maxUnavailable: unavailable } },
  });
  expect([maxSurge(deployment), maxUnavailable(deployment)]).toEqual(expected);
});

function replicaSetOf(replicas: number, maxReplicas?: number): ReplicaSet {
  const { template, selector } = deploymentOf("d").spec;
  const annotations = maxReplicas === undefined ? {} : { "deployment.kubernetes.io/max-replicas": String(maxReplicas) };
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name: "r", annotations },
    spec: { replicas, template, selector },
  };
}

const rolling = { type: "RollingUpdate", rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } } as const;

test("the new ReplicaSet grows as far as the surge leaves room, and not beyond what is wanted", () => {
  const deployment = deploymentOf("d", { replicas: 5, strategy: rolling });
  const old = replicaSetOf(5);
  expect(newReplicaSetSize(deployment, [old, replicaSetOf(0)], replicaSetOf(0))).toBe(2);
  expect(newReplicaSetSize(deployment, [old, replicaSetOf(2)], replicaSetOf(2))).toBe(2);
  expect(newReplicaSetSize(deployment, [replicaSetOf(1), replicaSetOf(4)], replicaSetOf(4))).toBe(5);
});

test("ReplicaSets share what is added or taken in proportion to their size", () => {
  const deployment = deploymentOf("d", { replicas: 20, strategy: rolling });
  expect(proportion(replicaSetOf(8, 12), deployment, 10, 0)).toBe(7);
  expect(proportion(replicaSetOf(4, 12), deployment, 10, 7)).toBe(3);
  const smaller = deploymentOf("d", { replicas: 4, strategy: rolling });
  expect(proportion(replicaSetOf(8, 12), smaller, -6, 0)).toBe(-4);
  expect(proportion(replicaSetOf(0, 12), smaller, -6, 0)).toBe(0);
});
