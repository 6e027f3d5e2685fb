import type { JsonObject } from "@podwright/kube";
import { parseRange } from "../charts/version-range.ts";
import { parseDurationMs } from "../duration.ts";
import type { Pack, PackSpec } from "../pack.ts";
import { specSchema } from "../schemas.ts";
import { renderTemplates } from "../values/template.ts";
import { checkReference } from "../values/values.ts";
import { ValuesError } from "../values/values-error.ts";
import { patchProblems } from "./patch-checks.ts";
import { unknownFields } from "./unknown-fields.ts";

/** What is wrong with a Pack in itself, each with its path; asks nobody. */
export async function packProblems(pack: Pack): Promise<string[]> {
  const { metadata, spec } = pack;
  const problems = unknownFields(spec as unknown as JsonObject, specSchema("Pack"), "spec").map(
    (path) => `${path}: unknown field`,
  );
  problems.push(...(await chartProblems(pack)), ...durationProblems(spec), ...referenceProblems(spec));
  if (spec.releaseName !== undefined && !/^[a-z0-9]([-a-z0-9.]{0,51}[a-z0-9])?$/.test(spec.releaseName)) {
    problems.push(
      `spec.releaseName: "${spec.releaseName}" is no name of a release: lower case letters, digits, - and ., at most 53`,
    );
  }
  if (spec.targetNamespace !== undefined && !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(spec.targetNamespace)) {
    problems.push(`spec.targetNamespace: "${spec.targetNamespace}" is no name of a namespace`);
  }
  for (const [at, { name, namespace }] of (spec.dependsOn ?? []).entries()) {
    if (name === metadata.name && (namespace ?? metadata.namespace) === metadata.namespace) {
      problems.push(`spec.dependsOn[${at}]: a Pack cannot depend on itself`);
    }
  }
  for (const [at, rule] of (spec.driftDetection?.ignore ?? []).entries()) {
    for (const path of rule.paths ?? []) {
      if (!path.startsWith("/")) {
        problems.push(`spec.driftDetection.ignore[${at}].paths: "${path}" is no JSON pointer: it begins with "/"`);
      }
    }
  }
  problems.push(...(await patchProblems(spec)));
  try {
    await renderTemplates(spec.values ?? {}, spec.vars ?? {});
  } catch (error) {
    if (!(error instanceof ValuesError)) throw error;
    problems.push(`spec.values${error.message}`);
  }
  return problems;
}

async function chartProblems({ metadata, spec }: Pack): Promise<string[]> {
  const problems: string[] = [];
  const { repository, version } = spec.chart;
  try {
    await parseRange(version);
  } catch (error) {
    problems.push(`spec.chart.version: ${(error as Error).message}`);
  }
  if (
    repository?.kind === "PackRepository" &&
    repository.namespace !== undefined &&
    repository.namespace !== metadata.namespace
  ) {
    problems.push(
      `spec.chart.repository.namespace: the PackRepository of another namespace cannot be used; a ClusterPackRepository serves all`,
    );
  }
  return problems;
}

function durationProblems(spec: PackSpec): string[] {
  return (["interval", "timeout"] as const).flatMap((field) => durationProblem(`spec.${field}`, spec[field]));
}

/** "" is as good as nothing. */
export function durationProblem(path: string, duration: string | undefined): string[] {
  if (duration === undefined || duration === "" || (parseDurationMs(duration) ?? 0) > 0) return [];
  return [`${path}: "${duration}" is no duration: "30s", "10m", "1h30m"`];
}

function referenceProblems(spec: PackSpec): string[] {
  return (spec.valuesFrom ?? []).flatMap((reference, at) => {
    try {
      checkReference(reference, at);
      return [];
    } catch (error) {
      return [`spec.${(error as Error).message}`];
    }
  });
}
