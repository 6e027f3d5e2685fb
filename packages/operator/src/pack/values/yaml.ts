import { isJsonObject, type JsonObject } from "@podwright/kube";
import { helmYaml } from "../helm/yaml.ts";

/**
 * Reads values as helm does. Nothing at all is {}.
 * Throws Error that tells the place and never quotes the text, which may be secret.
 */
export async function parseValues(text: string): Promise<JsonObject> {
  const { parse } = await import("yaml");
  let values: unknown;
  try {
    values = parse(text, { ...helmYaml, maxAliasCount: 100, prettyErrors: false });
  } catch (error) {
    const { code, pos } = error as { code?: string; pos?: [number, number] };
    const line = pos === undefined ? "" : ` at line ${text.slice(0, pos[0]).split("\n").length}`;
    throw new Error(`is not YAML${line}${code === undefined ? "" : ` (${code})`}`);
  }
  if (values === null || values === undefined) return {};
  if (!isJsonObject(values)) throw new Error("is not a map");
  return values;
}
