import type { KubeObject } from "@podwright/kube";
import { describe, expect, it } from "vitest";
import type { Strategy } from "../resources/resource.ts";
import type { DeleteOptions } from "./delete-options.ts";
import { decideDeletion } from "./deletion.ts";

const now = Date.parse("2026-01-01T00:00:00Z");
const none: DeleteOptions = {
  gracePeriodSeconds: undefined,
  preconditions: undefined,
  orphanDependents: undefined,
  propagationPolicy: undefined,
  dryRun: false,
  object: {},
};

/** Of a kind that waits 30 s, or of one that does not wait. */
function decide(metadata: KubeObject["metadata"], options: Partial<DeleteOptions> = {}, waits = true) {
  const gracePeriodSeconds: Strategy["gracePeriodSeconds"] = (_, requested) => (waits ? (requested ?? 30) : undefined);
  const resource = { group: "", kind: "Pod", strategy: { gracePeriodSeconds } as Strategy };
  const object = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", uid: "u", ...metadata } };
  const deletion = decideDeletion(resource, object, { ...none, ...options }, now);
  if (deletion.type === "unchanged") return deletion.type;
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers, generation } = deletion.object.metadata;
  return {
    type: deletion.type,
    at: deletionTimestamp?.slice(11, 19),
    grace: deletionGracePeriodSeconds,
    ...(finalizers && { finalizers }),
    ...(generation && { generation }),
  };
}

const deleting = { deletionTimestamp: "2026-01-01T00:00:20Z", deletionGracePeriodSeconds: 30 };

describe("of a kind with a grace period", () => {
  it("begins with the kind's period, and is a new generation", () => {
    expect(decide({ generation: 1 })).toEqual({ type: "mark", at: "00:00:30", grace: 30, generation: 2 });
  });
  it("takes the period asked for, and the shortest for one below 0", () => {
    expect(decide({}, { gracePeriodSeconds: 5 })).toEqual({ type: "mark", at: "00:00:05", grace: 5 });
    expect(decide({}, { gracePeriodSeconds: -1 })).toEqual({ type: "mark", at: "00:00:01", grace: 1 });
  });
  it("is done at once without a period", () => {
    expect(decide({}, { gracePeriodSeconds: 0 })).toEqual({ type: "remove", at: "00:00:00", grace: 0 });
  });
  it("only gets shorter", () => {
    expect(decide(deleting)).toBe("unchanged");
    expect(decide(deleting, { gracePeriodSeconds: 60 })).toBe("unchanged");
    expect(decide(deleting, { gracePeriodSeconds: 20 })).toEqual({ type: "mark", at: "00:00:10", grace: 20 });
  });
  it("is not moved into the past", () => {
    expect(decide(deleting, { gracePeriodSeconds: 2 })).toEqual({ type: "mark", at: "00:00:00", grace: 1 });
    expect(decide(deleting, { gracePeriodSeconds: 0 })).toEqual({ type: "remove", at: "00:00:00", grace: 0 });
  });
  it("waits for finalizers after it", () => {
    const finalizers = ["a/b"];
    expect(decide({ finalizers }, { gracePeriodSeconds: 0 })).toEqual({
      type: "mark",
      at: "00:00:00",
      grace: 0,
      finalizers,
    });
  });
});

describe("of other kinds", () => {
  it("is done at once", () => {
    expect(decide({}, {}, false)).toMatchObject({ type: "remove" });
  });
  it("waits for finalizers", () => {
    const finalizers = ["a/b"];
    expect(decide({ finalizers, generation: 3 }, {}, false)).toEqual({
      type: "mark",
      at: "00:00:00",
      grace: 0,
      finalizers,
      generation: 4,
    });
  });
  it.each([
    [{ propagationPolicy: "Orphan" }, ["a/b"], ["a/b", "orphan"]],
    [{ propagationPolicy: "Foreground" }, ["a/b", "orphan"], ["a/b", "foregroundDeletion"]],
    [{ propagationPolicy: "Background" }, ["a/b", "orphan"], ["a/b"]],
    [{ orphanDependents: true }, [], ["orphan"]],
    [{ orphanDependents: false }, ["orphan", "a/b"], ["a/b"]],
    [{}, ["orphan"], ["orphan"]],
  ] as const)("%j makes of the finalizers %j %j", (options, before, after) => {
    expect(decide({ finalizers: [...before] }, options, false)).toMatchObject({ type: "mark", finalizers: after });
  });
});

it("is refused when the object is another, or was changed", () => {
  expect(() => decide({}, { preconditions: { uid: "x" } })).toThrow(/UID in the precondition \(x\)/);
  expect(() => decide({ resourceVersion: "5" }, { preconditions: { resourceVersion: "4" } })).toThrow(
    /ResourceVersion in the precondition \(4\)/,
  );
});
