import { cloneJson, getField, isJsonObject, type JsonObject, setField } from "@podwright/kube";
import type { ErrorObject, ValidateFunction } from "ajv";
import type { ResolvedChart } from "../charts/chart-source.ts";

const maxCompiled = 32;
const maxProblems = 10;

type Problems = (values: JsonObject) => string[];

/** Checks values against charts' values.schema.json. */
export class ValuesSchemas {
  /** By the chart's digest; undefined for a schema that is not understood here. */
  readonly #compiled = new Map<string, Problems | undefined>();

  /**
   * What is wrong with values, laid over the chart's defaults as helm does. [] also where the chart has no schema, or
   * one in a draft that is not understood here: helm itself will check it.
   */
  async problems(chart: ResolvedChart, values: JsonObject): Promise<string[]> {
    if (chart.valuesSchema === undefined) return [];
    if (!this.#compiled.has(chart.digest)) {
      for (const oldest of this.#compiled.keys()) {
        if (this.#compiled.size < maxCompiled) break;
        this.#compiled.delete(oldest);
      }
      this.#compiled.set(chart.digest, await compile(chart.valuesSchema));
    }
    return this.#compiled.get(chart.digest)?.(overDefaults(chart.defaultValues, values)) ?? [];
  }
}

async function compile(schema: JsonObject): Promise<Problems | undefined> {
  const draft = String(schema["$schema"] ?? "http://json-schema.org/draft-07/schema#");
  const options = { allErrors: true, strict: false, validateFormats: false, logger: false as const };
  let check: ValidateFunction;
  try {
    if (draft.includes("2020-12")) {
      const { Ajv2020 } = await import("ajv/dist/2020.js");
      check = new Ajv2020(options).compile(schema);
    } else if (draft.includes("2019-09")) {
      const { Ajv2019 } = await import("ajv/dist/2019.js");
      check = new Ajv2019(options).compile(schema);
    } else if (draft.includes("draft-07")) {
      const { Ajv } = await import("ajv");
      check = new Ajv(options).compile(schema);
    } else return undefined;
  } catch {
    return undefined;
  }
  return (values) => (check(values) ? [] : (check.errors ?? []).slice(0, maxProblems).map(describe));
}

function describe({ instancePath, message, params, keyword }: ErrorObject): string {
  const path = `spec.values${instancePath.replaceAll("/", ".").replaceAll("~1", "/").replaceAll("~0", "~")}`;
  if (keyword === "additionalProperties") return `${path}.${params["additionalProperty"]}: is not known to the chart`;
  if (keyword === "enum")
    return `${path}: must be one of ${(params["allowedValues"] as unknown[]).map(String).join(", ")}`;
  return `${path}: ${message}`;
}

/** Values over a chart's defaults: maps are merged, null takes a default away (helm.sh/helm pkg/chart/common/util). */
function overDefaults(defaults: JsonObject, values: JsonObject): JsonObject {
  const result = cloneJson(defaults);
  for (const [key, value] of Object.entries(values)) {
    const base = getField(result, key);
    if (value === null) delete result[key];
    else if (isJsonObject(base) && isJsonObject(value)) setField(result, key, overDefaults(base, value));
    else setField(result, key, value);
  }
  return result;
}
