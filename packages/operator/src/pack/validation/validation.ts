import { packs } from "@podwright/client";
import { type JsonObject, jsonEqual, type KubeObject } from "@podwright/kube";
import { readAnnotations, redeployKeys } from "../../redeploy/annotation.ts";
import type { AdmissionAnswer, AdmissionHandler, AdmissionRequest } from "../../webhook/server.ts";
import type { ChartSource } from "../charts/chart-source.ts";
import type { Pack } from "../pack.ts";
import type { RepositoryObject } from "../repositories/repository-objects.ts";
import { renderValues } from "../values/values.ts";
import { packProblems } from "./pack-checks.ts";
import { repositoryProblems } from "./repository-checks.ts";
import { ValuesSchemas } from "./values-schema.ts";

/** Judges by the object alone, and by the chart's schema where that is in memory: no request is made. */
export function createPackValidator(charts: ChartSource): AdmissionHandler {
  const schemas = new ValuesSchemas();
  return async (request) => {
    const { object } = request;
    const old = (request as AdmissionRequest & { oldObject?: KubeObject | null }).oldObject;
    // What is being deleted must always get rid of its finalizers, and what was let in once stays writable elsewhere.
    if (!object || object.metadata.deletionTimestamp !== undefined || isSame(object, old)) return { allowed: true };
    if (object.kind !== packs.kind) return answer(object, repositoryProblems(object as RepositoryObject));
    const pack = object as Pack;
    const problems = [...annotationProblems(pack), ...(await packProblems(pack))];
    return answer(object, problems.length > 0 ? problems : await schemaProblems(pack, charts, schemas));
  };
}

function annotationProblems({ metadata }: Pack): string[] {
  try {
    readAnnotations(metadata.annotations);
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}

async function schemaProblems(pack: Pack, charts: ChartSource, schemas: ValuesSchemas): Promise<string[]> {
  if ((pack.spec.valuesFrom ?? []).length > 0) return [];
  const chart = await charts.cached(pack).catch(() => undefined);
  if (chart === undefined) return [];
  const { values, vars } = pack.spec;
  return schemas.problems(chart, await renderValues({ values, vars }));
}

function isSame(object: KubeObject, old: KubeObject | null | undefined): boolean {
  return (
    old !== undefined &&
    old !== null &&
    jsonEqual(object["spec"] as JsonObject, old["spec"] as JsonObject) &&
    redeployKeys.every((key) => object.metadata.annotations?.[key] === old.metadata.annotations?.[key])
  );
}

function answer({ kind, metadata }: KubeObject, problems: string[]): AdmissionAnswer {
  if (problems.length === 0) return { allowed: true };
  return { allowed: false, status: { code: 422, message: `${kind} ${metadata.name}: ${problems.join("; ")}` } };
}
