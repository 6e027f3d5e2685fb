import { conditionOf } from "../conditions.ts";
import type { SecretReflector, SecretReflectorStatus } from "./secret-reflector.ts";

/** What a look at a reflector found. */
export interface Findings {
  source: string;
  sources: number;
  targets: number;
  copies: number;
  /** NAMESPACE/NAME of objects that have a copy's name. */
  conflicts: readonly string[];
  /** Namespaces that ask and may not. */
  denied: readonly string[];
  /** What could not be done; without values. */
  problems: readonly string[];
  suspended?: boolean;
}

const named = 5;

/** The status that tells them. Conditions keep their time where they keep their status. */
export function statusOf(reflector: SecretReflector, found: Findings, nowMs: number): SecretReflectorStatus {
  const conditions: [type: string, isTrue: boolean, reason: string, message: string][] = [
    ["Ready", ...readiness(found)],
    found.conflicts.length > 0
      ? ["Conflict", true, "NameTaken", `Left as they are: ${list(found.conflicts)}`]
      : ["Conflict", false, "NoConflict", ""],
  ];
  if (found.denied.length > 0) {
    const message = `Namespaces that ask for copies and are not in spec.allow: ${list(found.denied)}`;
    conditions.push(["Denied", true, "NotAllowed", message]);
  }
  const { generation = 0 } = reflector.metadata;
  return {
    observedGeneration: generation,
    source: found.source,
    targets: found.targets,
    copies: found.copies,
    conflicts: found.conflicts.length,
    conditions: conditions.map(([type, isTrue, reason, message]) => {
      const facts = { type, status: isTrue ? "True" : "False", reason, message } as const;
      return conditionOf(facts, reflector.status?.conditions, generation, nowMs);
    }),
  };
}

function readiness(found: Findings): [isTrue: boolean, reason: string, message: string] {
  const { source, sources, targets, copies, conflicts, problems } = found;
  if (found.suspended === true) return [false, "Suspended", "spec.suspend is true"];
  if (problems.length > 0) return [false, "Failed", list(problems)];
  if (sources === 0) return [false, "SourceNotFound", `There is no ${source}`];
  const counted = `${copies} of ${targets} ${targets === 1 ? "copy" : "copies"}`;
  if (conflicts.length > 0) return [false, "Conflict", `${counted}; others have the name of ${conflicts.length}`];
  if (copies < targets) return [false, "Copying", counted];
  return [true, "Reflected", counted];
}

function list(items: readonly string[]): string {
  const more = items.length > named ? ` and ${items.length - named} more` : "";
  return items.slice(0, named).join(", ") + more;
}
