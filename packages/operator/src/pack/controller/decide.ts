import type { Pack } from "../pack.ts";
import type { Revision } from "../release/release-index.ts";

/** What a Pack asks for: a chart with values, by their digests. */
export interface Desired {
  chartDigest: string;
  configDigest: string;
  /** Of both: the label on the release. */
  key: string;
}

/** The next thing to do about a Pack's release. */
export type Step =
  | { do: "nothing" }
  | { do: "install"; replace: boolean }
  | { do: "upgrade"; from: Revision }
  /** Look whether the release is what is wanted: take it over if so, else upgrade. `known`: it is, by its labels. */
  | { do: "compare"; release: Revision; known: boolean }
  | { do: "unlock"; release: Revision }
  /** Finish an uninstallation that was begun, then install. */
  | { do: "uninstall-rest"; release: Revision }
  /** Another helm is at work, until it must be taken for dead. */
  | { do: "wait"; release: Revision; until: number }
  | { do: "give-up" }
  /** Another Pack made the release. */
  | { do: "foreign"; owner: string };

export interface Situation {
  pack: Pack;
  desired: Desired;
  latest: Revision | undefined;
  /** Whether a Pack of this uid exists. */
  packExists: (uid: string) => boolean;
  timeoutMs: number;
  nowMs: number;
}

/** Decides from what is known without any request. */
export function decide(situation: Situation): Step {
  const { pack, desired, latest } = situation;
  const { uid } = pack.metadata;
  const exhausted = triesLeft(pack, desired, latest !== undefined && latest.revision > 1) <= 0;
  if (latest === undefined) return exhausted ? { do: "give-up" } : { do: "install", replace: false };

  const owner = latest.packUid;
  if (owner !== undefined && owner !== uid && situation.packExists(owner)) return { do: "foreign", owner };

  if (latest.status.startsWith("pending-")) {
    const until = latest.modifiedAt + situation.timeoutMs;
    return owner === uid || until <= situation.nowMs
      ? { do: "unlock", release: latest }
      : { do: "wait", release: latest, until };
  }
  if (latest.status === "uninstalling") return { do: "uninstall-rest", release: latest };
  if (latest.status === "uninstalled") return exhausted ? { do: "give-up" } : { do: "install", replace: true };

  if (latest.status === "deployed") {
    const applied = pack.status?.lastApplied;
    const same = applied?.digest === desired.chartDigest && applied.configDigest === desired.configDigest;
    if (same && applied.revision === latest.revision) return { do: "nothing" };
    if (latest.desired === desired.key && owner === uid) return { do: "compare", release: latest, known: true };
    if (exhausted) return { do: "give-up" };
    if (applied?.revision !== latest.revision) return { do: "compare", release: latest, known: false };
  }
  return exhausted ? { do: "give-up" } : { do: "upgrade", from: latest };
}

/** How often the wanted revision may still be tried. Infinity for ever. */
export function triesLeft(pack: Pack, desired: Desired, upgrading: boolean): number {
  const attempted = pack.status?.lastAttempted;
  if (attempted?.digest !== desired.chartDigest || attempted.configDigest !== desired.configDigest) {
    return Number.POSITIVE_INFINITY;
  }
  const retries = retriesOf(pack, upgrading);
  return retries < 0 ? Number.POSITIVE_INFINITY : retries + 1 - (pack.status?.failures ?? 0);
}

function retriesOf(pack: Pack, upgrading: boolean): number {
  const options = upgrading ? pack.spec.upgrade : pack.spec.install;
  return options?.retries ?? ((options?.remediation ?? "none") === "none" ? -1 : 0);
}
