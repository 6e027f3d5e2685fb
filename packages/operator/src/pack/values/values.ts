import { createHash } from "node:crypto";
import { canonicalJson, cloneJson, getField, isJsonObject, type JsonObject, setField } from "@podwright/kube";
import type { ValuesReference } from "../pack.ts";
import { parsePath, setPath } from "./set-path.ts";
import { renderTemplates } from "./template.ts";
import { ValuesError } from "./values-error.ts";
import { parseValues } from "./yaml.ts";

/** An entry of a Pack's valuesFrom with the content it names. */
export interface ValuesSource {
  reference: ValuesReference;
  /** Of the key; undefined where the object or the key does not exist. */
  content: string | undefined;
}

/** The key of a ConfigMap or Secret that holds values when the reference names none. */
const defaultValuesKey = "values.yaml";

/** As in an API server, which takes no object as large. */
const maxSourceLength = 3 * 1024 * 1024;

/**
 * The values a Pack gives to helm: the sources merged in order, then `values`, then the sources with a targetPath;
 * templates over `vars` rendered in `values` (not in what sources hold).
 * Throws ValuesError. Behaviour: github.com/fluxcd/pkg/chartutil/values.go.
 */
export async function renderValues(input: {
  values?: JsonObject | undefined;
  vars?: JsonObject | undefined;
  sources?: readonly ValuesSource[];
}): Promise<JsonObject> {
  const sources = input.sources ?? [];
  const inline = await renderTemplates(input.values ?? {}, input.vars ?? {});
  if (sources.length === 0) return inline;

  const result: JsonObject = {};
  for (const [at, source] of sources.entries()) {
    requireContent(source, at);
    if (source.reference.targetPath || source.content === undefined) continue;
    mergeInto(result, await readValues(source.content, sourcePath(source, at)));
  }
  mergeInto(result, inline);
  for (const [at, source] of sources.entries()) {
    const { targetPath } = source.reference;
    if (!targetPath || source.content === undefined) continue;
    try {
      setPath(result, targetPath, source.content);
    } catch (error) {
      throw new ValuesError(sourcePath(source, at), (error as Error).message);
    }
  }
  return result;
}

/** "sha256:HEX" of values: the same for the same JSON, whatever the order of keys. */
export function configDigest(values: JsonObject): string {
  return `sha256:${createHash("sha256").update(canonicalJson(values)).digest("hex")}`;
}

/** Throws ValuesError where a reference cannot be used whatever its object holds. */
export function checkReference(reference: ValuesReference, at: number): void {
  if (!reference.targetPath) return;
  try {
    parsePath(reference.targetPath);
  } catch (error) {
    throw new ValuesError(`valuesFrom[${at}]`, (error as Error).message);
  }
}

function sourcePath({ reference }: ValuesSource, at: number): string {
  return `valuesFrom[${at}] (${reference.kind} ${reference.name})`;
}

function requireContent(source: ValuesSource, at: number): void {
  if (source.content !== undefined || source.reference.optional === true) return;
  const key = source.reference.valuesKey || defaultValuesKey;
  throw new ValuesError(sourcePath(source, at), `does not exist, or has no key "${key}"`);
}

async function readValues(text: string, path: string): Promise<JsonObject> {
  if (text.length > maxSourceLength) throw new ValuesError(path, `longer than ${maxSourceLength} characters`);
  try {
    return await parseValues(text);
  } catch (error) {
    throw new ValuesError(path, (error as Error).message);
  }
}

/** Merges maps, in place; of anything else the new one counts, null too: helm takes it to remove a chart's default. */
function mergeInto(target: JsonObject, source: JsonObject): void {
  for (const [key, value] of Object.entries(source)) {
    const present = getField(target, key);
    if (isJsonObject(present) && isJsonObject(value)) mergeInto(present, value);
    else setField(target, key, cloneJson(value));
  }
}
