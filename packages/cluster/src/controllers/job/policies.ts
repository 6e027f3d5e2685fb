/** What podFailurePolicy makes of failed pods, and successPolicy of indexes (k8s.io/kubernetes/pkg/controller/job/{pod_failure_policy,success_policy}.go). */
import type { ContainerStatus, Pod } from "../../kinds.ts";
import { countCommon, countIndexes, type IndexRanges, parseIndexes } from "./index-ranges.ts";
import type { JobSpec, PodFailureRule } from "./job.ts";

export interface FailureVerdict {
  /** The failure counts against the back-off limits. */
  counts: boolean;
  failsIndex: boolean;
  /** Why the whole Job fails, if it does. */
  failsJob?: string;
}

/** What the first rule that the failed pod matches says. */
export function judgeFailure(policy: JobSpec["podFailurePolicy"], pod: Pod): FailureVerdict {
  for (const [index, rule] of (policy?.rules ?? []).entries()) {
    const cause = matchedBy(rule, pod);
    if (cause === undefined) continue;
    return {
      counts: rule.action !== "Ignore",
      failsIndex: rule.action === "FailIndex",
      ...(rule.action === "FailJob" ? { failsJob: `${cause} matching FailJob rule at index ${index}` } : {}),
    };
  }
  return { counts: true, failsIndex: false };
}

/** What of the pod the rule is about, in words; undefined when it does not match. */
function matchedBy({ onExitCodes, onPodConditions }: PodFailureRule, pod: Pod): string | undefined {
  const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
  if (onExitCodes !== undefined) {
    const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
    const status = [...containerStatuses, ...initContainerStatuses].find((each) => exitMatches(onExitCodes, each));
    if (status === undefined) return undefined;
    return `Container ${status.name} for pod ${name} failed with exit code ${status.state?.terminated?.exitCode}`;
  }
  const condition = pod.status?.conditions?.find((each) =>
    onPodConditions?.some(({ type, status = "True" }) => type === each.type && status === each.status),
  );
  return condition && `Pod ${name} has condition ${condition.type}`;
}

function exitMatches(rule: NonNullable<PodFailureRule["onExitCodes"]>, { name, state }: ContainerStatus): boolean {
  const exitCode = state?.terminated?.exitCode;
  if (exitCode === undefined || exitCode === 0) return false;
  if (rule.containerName !== undefined && rule.containerName !== name) return false;
  return rule.values.includes(exitCode) === (rule.operator === "In");
}

/** Says which rule of the policy the succeeded indexes fulfil; undefined when none. */
export function matchSuccess(policy: JobSpec["successPolicy"], completions: number, succeeded: IndexRanges) {
  if (succeeded.length === 0) return undefined;
  for (const [index, { succeededIndexes, succeededCount }] of (policy?.rules ?? []).entries()) {
    const required = succeededIndexes === undefined ? undefined : parseIndexes(succeededIndexes, completions);
    if (required?.length === 0) continue;
    const counted = required === undefined ? countIndexes(succeeded) : countCommon(required, succeeded);
    const all = required !== undefined && counted === countIndexes(required);
    if (all || (succeededCount !== undefined && counted >= succeededCount)) return `Matched rules at index ${index}`;
  }
  return undefined;
}
