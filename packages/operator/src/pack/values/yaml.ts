import { isJsonObject, type JsonObject } from "@podwright/kube";

/**
 * Reads values as helm does: YAML 1.1, where `yes` and `on` are true; but times and sexagesimal numbers are text
 * (sigs.k8s.io/yaml). Nothing at all is {}.
 * Throws Error that tells the place and never quotes the text, which may be secret.
 */
export async function parseValues(text: string): Promise<JsonObject> {
  const { parse } = await import("yaml");
  let values: unknown;
  try {
    values = parse(text, {
      version: "1.1",
      customTags: (tags) =>
        tags.filter(
          (tag) =>
            typeof tag === "string" || !(tag.tag.endsWith(":timestamp") || ("format" in tag && tag.format === "TIME")),
        ),
      maxAliasCount: 100,
      prettyErrors: false,
      logLevel: "error",
    });
  } catch (error) {
    const { code, pos } = error as { code?: string; pos?: [number, number] };
    const line = pos === undefined ? "" : ` at line ${text.slice(0, pos[0]).split("\n").length}`;
    throw new Error(`is not YAML${line}${code === undefined ? "" : ` (${code})`}`);
  }
  if (values === null || values === undefined) return {};
  if (!isJsonObject(values)) throw new Error("is not a map");
  return values;
}
