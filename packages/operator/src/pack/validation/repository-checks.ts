import type { JsonObject } from "@podwright/kube";
import type { RepositoryObject } from "../repositories/repository-objects.ts";
import { parseRepositoryUrl } from "../repositories/repository-url.ts";
import { specSchema } from "../schemas.ts";
import { durationProblem } from "./pack-checks.ts";
import { unknownFields } from "./unknown-fields.ts";

/** What is wrong with a PackRepository or ClusterPackRepository in itself, each with its path; asks nobody. */
export function repositoryProblems({ kind, metadata, spec }: RepositoryObject): string[] {
  const problems = unknownFields(spec as unknown as JsonObject, specSchema(kind), "spec").map(
    (path) => `${path}: unknown field`,
  );
  try {
    parseRepositoryUrl(spec.url);
  } catch (error) {
    problems.push(`spec.url: ${(error as Error).message}`);
  }
  problems.push(...durationProblem("spec.interval", spec.interval), ...durationProblem("spec.timeout", spec.timeout));
  const namespace = spec.secretRef?.namespace;
  if (spec.secretRef !== undefined && kind === "ClusterPackRepository" && namespace === undefined) {
    problems.push("spec.secretRef.namespace: is needed, a ClusterPackRepository has no namespace of its own");
  }
  if (kind === "PackRepository" && namespace !== undefined && namespace !== metadata.namespace) {
    problems.push("spec.secretRef.namespace: the Secret of another namespace cannot be used");
  }
  return problems;
}
