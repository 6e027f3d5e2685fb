import { type KubeObject, quote } from "@podwright/kube";
import { parseDurationMs } from "../pack/duration.ts";
import { deadlineKey, downgradeKey, freshLabel, pausedKey, policyKey } from "./keys.ts";
import { newestPolicy, type Policy, PolicyError, parsePolicy } from "./policy.ts";

/** Which workloads are kept fresh: all but those that say no, or those alone that say yes. */
export type Scope = "all" | "opt-in";

export interface FreshOptions {
  /** Which workloads; default "opt-in". */
  scope?: Scope;
  /** A burst of images is over when nothing came for so long. Default 250 ms. */
  gatherMs?: number;
  /** How long a rollout may take to become ready, where no annotation says. Default 2 min. */
  deadlineMs?: number;
  /** It must stay ready for so long to count as ready. Default 5 s. */
  settleMs?: number;
}

/** What people wish for a workload. */
export interface Settings {
  policy: Policy;
  allowDowngrade: boolean;
  deadlineMs: number;
  paused: boolean;
  /** What could not be read; the policy is then off. */
  errors: string[];
}

/** What is remembered of a namespace. */
export interface NamespaceWish {
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
}

/** Whether a workload is kept fresh. kube-system is never touched. */
export function inScope(scope: Scope, workload: KubeObject, namespace: NamespaceWish | undefined): boolean {
  if (workload.metadata.namespace === "kube-system") return false;
  const said = workload.metadata.labels?.[freshLabel] ?? namespace?.labels[freshLabel];
  return said === "true" || (scope === "all" && said !== "false");
}

/** Reads the annotations of a workload, and of its namespace where it has none itself. */
export function settingsOf(
  workload: KubeObject,
  namespace: NamespaceWish | undefined,
  defaults: { deadlineMs: number },
): Settings {
  const errors: string[] = [];
  const wrong = (key: string, why: string) => errors.push(`metadata.annotations[${key}]: ${why}`);
  const said = (key: string) => workload.metadata.annotations?.[key] ?? namespace?.annotations[key];
  const deadline = said(deadlineKey);
  const deadlineMs = deadline === undefined ? defaults.deadlineMs : parseDurationMs(deadline.trim());
  if (deadlineMs === undefined)
    wrong(deadlineKey, `${quote(deadline as string)}: must be a duration such as "30s" or "5m"`);
  const yes = (key: string): boolean | undefined => {
    const text = said(key);
    if (text === undefined || text === "false") return false;
    if (text === "true") return true;
    wrong(key, `${quote(text)}: must be "true" or "false"`);
    return undefined;
  };
  return {
    policy: readPolicy(said(policyKey), (why) => wrong(policyKey, why)),
    allowDowngrade: yes(downgradeKey) ?? false,
    deadlineMs: deadlineMs ?? defaults.deadlineMs,
    // Whoever wrote something there wants less, not more.
    paused: yes(pausedKey) ?? true,
    errors,
  };
}

/** What cannot be read of an object's own wishes: a workload's or a namespace's. */
export function wishErrors(object: KubeObject): string[] {
  const { errors } = settingsOf(object, undefined, { deadlineMs: 0 });
  const label = object.metadata.labels?.[freshLabel];
  if (label === undefined || label === "true" || label === "false") return errors;
  return [`metadata.labels[${freshLabel}]: ${quote(label)}: must be "true" or "false"`, ...errors];
}

function readPolicy(text: string | undefined, wrong: (why: string) => void): Policy {
  if (text === undefined) return newestPolicy;
  try {
    return parsePolicy(text);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    wrong(error.message);
    return { kind: "off", text: "off" };
  }
}
