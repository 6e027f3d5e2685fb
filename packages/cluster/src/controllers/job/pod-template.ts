import type { Container, Pod } from "../../kinds.ts";
import { podFromTemplate } from "../pod-from-template.ts";
import { isIndexed, type Job, trackingFinalizer } from "./job.ts";
import { failureCountKey, ignoredFailureCountKey, ignoredIndexFailures, indexFailures, indexKey } from "./job-pods.ts";
import { judgeFailure } from "./policies.ts";

const longestGeneratedName = 58;
const indexVariable = {
  name: "JOB_COMPLETION_INDEX",
  valueFrom: { fieldRef: { fieldPath: `metadata.labels['${indexKey}']` } },
};

/**
 * The next pod of a Job.
 *
 * @param index of Indexed Jobs.
 * @param replaced the failed pod of the index whose count of failures goes on, where there is a limit per index.
 */
export function jobPod(job: Job, index: number | undefined, replaced: Pod | undefined): Pod {
  const pod = podFromTemplate(job.spec.template, job);
  const { metadata, spec } = pod;
  metadata.finalizers = [...new Set([...(metadata.finalizers ?? []), trackingFinalizer])];
  if (index === undefined || !isIndexed(job)) return pod;
  const name = job.metadata.name ?? "";
  const suffix = `-${index}-`;
  metadata.generateName = `${name.slice(0, longestGeneratedName - suffix.length)}${suffix}`;
  metadata.annotations = { ...metadata.annotations, [indexKey]: `${index}` };
  metadata.labels = { ...metadata.labels, [indexKey]: `${index}` };
  spec.hostname = `${name}-${index}`;
  spec.containers = spec.containers.map(withIndexVariable);
  if (spec.initContainers) spec.initContainers = spec.initContainers.map(withIndexVariable);
  if (job.spec.backoffLimitPerIndex !== undefined) Object.assign(metadata.annotations, failureCounts(job, replaced));
  return pod;
}

function withIndexVariable(container: Container): Container {
  const env = container.env ?? [];
  if (env.some(({ name }) => name === indexVariable.name)) return container;
  return { ...container, env: [...env, indexVariable] };
}

function failureCounts(job: Job, replaced: Pod | undefined): Record<string, string> {
  let failures = 0;
  let ignored = 0;
  if (replaced !== undefined) {
    failures = indexFailures(replaced);
    ignored = ignoredIndexFailures(replaced);
    if (judgeFailure(job.spec.podFailurePolicy, replaced).counts) failures++;
    else ignored++;
  }
  return {
    [failureCountKey]: `${failures}`,
    ...(ignored > 0 ? { [ignoredFailureCountKey]: `${ignored}` } : {}),
  };
}
