import { expect, test } from "vitest";
import type { Pack, PackStatus } from "../pack.ts";
import type { Revision } from "../release/release-index.ts";
import { decide } from "./decide.ts";

const desired = { chartDigest: "c", configDigest: "v", key: "k" };
const applied = { version: "1", digest: "c", configDigest: "v" };

function pack(status: PackStatus = {}, spec: Partial<Pack["spec"]> = {}): Pack {
  return {
    apiVersion: "k8s.kubit.ir/v1alpha1",
    kind: "Pack",
    metadata: { name: "a", namespace: "n", uid: "u" },
    spec: { chart: { name: "c" }, ...spec },
    status,
  };
}

function revision(status: string, more: Partial<Revision> = {}): Revision {
  return {
    release: "a",
    namespace: "n",
    revision: 2,
    status,
    secretName: "s",
    resourceVersion: "1",
    modifiedAt: 0,
    ...more,
  };
}

const next = (given: Pack, latest: Revision | undefined, nowMs = 1_000_000, others: string[] = []) =>
  decide({
    pack: given,
    desired,
    latest,
    packExists: (uid) => others.includes(uid),
    timeoutMs: 60_000,
    nowMs,
  });

test("what is as wanted is left alone, what differs is upgraded or looked at", () => {
  expect(next(pack(), undefined)).toEqual({ do: "install", replace: false });
  expect(next(pack({ lastApplied: { ...applied, revision: 2 } }), revision("deployed"))).toEqual({ do: "nothing" });
  expect(next(pack({ lastApplied: { ...applied, digest: "old", revision: 2 } }), revision("deployed")).do).toBe(
    "upgrade",
  );
  expect(next(pack({ lastApplied: { ...applied, revision: 1 } }), revision("deployed"))).toMatchObject({
    do: "compare",
    known: false,
  });
  expect(next(pack(), revision("deployed", { packUid: "u", desired: "k" }))).toMatchObject({
    do: "compare",
    known: true,
  });
  expect(next(pack(), revision("uninstalled"))).toEqual({ do: "install", replace: true });
});

test("a pending release of the Pack's own is unlocked, another's helm gets its time", () => {
  expect(next(pack(), revision("pending-install", { packUid: "u" })).do).toBe("unlock");
  expect(next(pack(), revision("pending-upgrade", { modifiedAt: 990_000 }))).toMatchObject({
    do: "wait",
    until: 1_050_000,
  });
  expect(next(pack(), revision("pending-upgrade", { modifiedAt: 100_000 })).do).toBe("unlock");
});

test("attempts end when the retries are used up, for this revision alone", () => {
  const spec: Partial<Pack["spec"]> = { upgrade: { retries: 1 } };
  expect(next(pack({ lastAttempted: applied, failures: 1 }, spec), revision("failed")).do).toBe("upgrade");
  expect(next(pack({ lastAttempted: applied, failures: 2 }, spec), revision("failed")).do).toBe("give-up");
  expect(next(pack({ lastAttempted: { ...applied, digest: "o" }, failures: 2 }, spec), revision("failed")).do).toBe(
    "upgrade",
  );
  expect(next(pack({ lastAttempted: applied, failures: 9 }), revision("failed")).do).toBe("upgrade");
});

test("the release of a Pack that exists is not taken", () => {
  const theirs = revision("deployed", { packUid: "x" });
  expect(next(pack(), theirs, 0, ["x"])).toEqual({ do: "foreign", owner: "x" });
  expect(next(pack(), theirs, 0, []).do).toBe("compare");
});
