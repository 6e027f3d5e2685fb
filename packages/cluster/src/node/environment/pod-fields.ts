/** What a pod tells its containers about itself, as text (k8s.io/kubernetes/pkg/fieldpath/fieldpath.go). */
import type { KubeObject } from "@podwright/kube";

const subscripted = /^(.+?)\['(.*)'\]$/s;

/** A field of the metadata. Throws when the path is none that can be told. */
export function metadataField({ metadata }: KubeObject, path: string): string {
  const [, map, key = ""] = subscripted.exec(path) ?? [];
  switch (map ?? path) {
    case "metadata.annotations":
      return map === undefined ? formatMap(metadata.annotations) : (metadata.annotations?.[key] ?? "");
    case "metadata.labels":
      return map === undefined ? formatMap(metadata.labels) : (metadata.labels?.[key] ?? "");
  }
  if (map !== undefined) throw new Error(`fieldPath ${JSON.stringify(path)} does not support subscript`);
  switch (path) {
    case "metadata.name":
      return metadata.name ?? "";
    case "metadata.namespace":
      return metadata.namespace ?? "";
    case "metadata.uid":
      return metadata.uid ?? "";
    default:
      throw new Error(`unsupported fieldPath: ${path}`);
  }
}

/** One key="value" a line, sorted by key. */
function formatMap(map: Readonly<Record<string, string>> = {}): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${goQuote(map[key] ?? "")}`)
    .join("\n");
}

const escapes: ReadonlyMap<string, string> = new Map([
  ["\u0007", "\\a"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\v", "\\v"],
  ["\\", "\\\\"],
  ['"', '\\"'],
]);

/** As strconv.Quote of Go: what cannot be printed is escaped. */
function goQuote(text: string): string {
  const escaped = text.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]|["\\]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    if (code < 0x80) return escapes.get(character) ?? `\\x${hex.padStart(2, "0")}`;
    return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
  });
  return `"${escaped}"`;
}
