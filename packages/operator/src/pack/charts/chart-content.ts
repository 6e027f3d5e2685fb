import { isJsonObject, type JsonObject } from "@podwright/kube";
import { parseValues } from "../values/yaml.ts";
import { ChartError } from "./chart-source.ts";

/** The files of a chart that say what it is, as text. */
export interface ChartFiles {
  "Chart.yaml"?: string;
  "values.yaml"?: string;
  "values.schema.json"?: string;
}

export const chartFileNames = ["Chart.yaml", "values.yaml", "values.schema.json"] as const;

/** What they say. */
export interface ChartContent {
  name: string;
  version: string;
  appVersion?: string;
  valuesSchema?: JsonObject;
  defaultValues: JsonObject;
}

/** Throws ChartError("InvalidChart"). */
export async function readChartContent(files: ChartFiles, where: string): Promise<ChartContent> {
  const invalid = (message: string) => new ChartError("InvalidChart", `${where}: ${message}`, false);
  const yaml = async (file: "Chart.yaml" | "values.yaml") => {
    try {
      return await parseValues(files[file] ?? "");
    } catch (error) {
      throw invalid(`${file} ${(error as Error).message}`);
    }
  };
  if (files["Chart.yaml"] === undefined) throw invalid("there is no Chart.yaml in it");
  const { name, version, appVersion } = await yaml("Chart.yaml");
  if (typeof name !== "string" || name === "") throw invalid("Chart.yaml has no name");
  if (version === undefined || version === null) throw invalid("Chart.yaml has no version");
  const valuesSchema = readSchema(files["values.schema.json"], invalid);
  return {
    name,
    version: String(version),
    ...(appVersion === undefined || appVersion === null ? {} : { appVersion: String(appVersion) }),
    ...(valuesSchema === undefined ? {} : { valuesSchema }),
    defaultValues: await yaml("values.yaml"),
  };
}

function readSchema(text: string | undefined, invalid: (message: string) => ChartError): JsonObject | undefined {
  if (text === undefined) return undefined;
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch {
    throw invalid("values.schema.json is not JSON");
  }
  if (!isJsonObject(schema)) throw invalid("values.schema.json is not a map");
  return schema;
}
