import { expect, test } from "vitest";
import type { Pod } from "../../kinds.ts";
import type { PersistentVolumeClaim } from "../persistent-volumes/kinds.ts";
import { type RetentionPolicy, wantedOwners } from "./retention.ts";
import type { StatefulSet } from "./stateful-set.ts";

function setWith(policy: RetentionPolicy): StatefulSet {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "db", namespace: "default", uid: "set" },
    spec: {
      replicas: 1,
      selector: {},
      template: { spec: { containers: [] } },
      persistentVolumeClaimRetentionPolicy: policy,
    },
  };
}

const podOf = (ordinal: number): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: `db-${ordinal}`, uid: `pod-${ordinal}` },
  spec: { containers: [] },
});

const claimOf = (...owners: [kind: string, name: string, uid: string][]): PersistentVolumeClaim => ({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: {
    name: "data-db-0",
    ownerReferences: owners.map(([kind, name, uid]) => ({
      apiVersion: kind === "Pod" ? "v1" : "apps/v1",
      kind,
      name,
      uid,
      controller: true,
    })),
  },
  spec: {},
});

test.each<[RetentionPolicy["whenDeleted"], RetentionPolicy["whenScaled"], number, string[] | undefined]>([
  ["Retain", "Retain", 0, undefined],
  ["Delete", "Retain", 0, ["set"]],
  ["Delete", "Retain", 1, ["set"]],
  ["Retain", "Delete", 0, undefined],
  ["Retain", "Delete", 1, ["pod-1"]],
  ["Delete", "Delete", 0, ["set"]],
  ["Delete", "Delete", 1, ["pod-1"]],
])("deleted: %s, scaled: %s, pod %i", (whenDeleted, whenScaled, ordinal, uids) => {
  const owners = wantedOwners(claimOf(), setWith({ whenDeleted, whenScaled }), podOf(ordinal));
  expect(owners?.map(({ uid }) => uid)).toEqual(uids);
});

test("owners that are right already are left alone, others of ours are dropped", () => {
  const both: RetentionPolicy = { whenDeleted: "Delete", whenScaled: "Delete" };
  expect(wantedOwners(claimOf(["StatefulSet", "db", "set"]), setWith(both), podOf(0))).toBeUndefined();
  const none: RetentionPolicy = { whenDeleted: "Retain", whenScaled: "Retain" };
  expect(wantedOwners(claimOf(["StatefulSet", "db", "set"]), setWith(none), podOf(0))).toEqual([]);
});

test("what another controls, or a set of the same name before this one, is not ours", () => {
  const both: RetentionPolicy = { whenDeleted: "Delete", whenScaled: "Delete" };
  expect(wantedOwners(claimOf(["Backup", "b", "backup"]), setWith(both), podOf(0))).toBeUndefined();
  expect(wantedOwners(claimOf(["StatefulSet", "db", "before"]), setWith(both), podOf(0))).toBeUndefined();
});
