import { isJsonObject } from "@podwright/kube";
import { ChartError } from "../charts/chart-source.ts";

/** A version of a chart in an index. */
export interface IndexEntry {
  version: string;
  url: string;
  /** sha256, hex; "" where the index has none. */
  digest: string;
}

/** Versions by chart name: of an index.yaml, what is needed. */
export type ChartIndex = ReadonlyMap<string, readonly IndexEntry[]>;

/** An index in another form than helm writes is read by a whole YAML parser, which is slow. */
const maxSlowLength = 4 * 1024 * 1024;

/**
 * Reads an index.yaml (or JSON). In the form `helm repo index` writes, only the needed lines are looked at: public
 * indexes have 20 MB and more. Throws ChartError("InvalidIndex").
 */
export async function parseIndex(text: string): Promise<ChartIndex> {
  const quick = text.trimStart().startsWith("{") ? undefined : parseLines(text);
  if (quick !== undefined) return quick;
  if (text.length > maxSlowLength && !text.trimStart().startsWith("{")) {
    throw new ChartError(
      "InvalidIndex",
      "the index is not in the form helm writes, and too large for any other",
      false,
    );
  }
  let document: unknown;
  try {
    document = text.trimStart().startsWith("{")
      ? JSON.parse(text)
      : (await import("yaml")).parse(text, { logLevel: "error", prettyErrors: false, maxAliasCount: 100 });
  } catch {
    throw new ChartError("InvalidIndex", "the index is not YAML", false);
  }
  const entries = isJsonObject(document) ? document["entries"] : undefined;
  if (!isJsonObject(document) || !(isJsonObject(entries) || entries === null)) {
    throw new ChartError("InvalidIndex", "the index has no entries", false);
  }
  const index = new Map<string, IndexEntry[]>();
  for (const [name, versions] of Object.entries(entries ?? {})) {
    if (!Array.isArray(versions)) continue;
    const read: IndexEntry[] = [];
    for (const entry of versions) {
      if (!isJsonObject(entry) || !Array.isArray(entry["urls"])) continue;
      const { version, digest } = entry;
      const url = entry["urls"][0];
      if (typeof version !== "string" || typeof url !== "string") continue;
      read.push({ version, url, digest: plainDigest(typeof digest === "string" ? digest : "") });
    }
    index.set(name, read);
  }
  return index;
}

/** Undefined when a line is met that another form of YAML may mean. */
function parseLines(text: string): ChartIndex | undefined {
  const index = new Map<string, IndexEntry[]>();
  let inEntries = false;
  let seen = false;
  let versions: IndexEntry[] | undefined;
  let entry: IndexEntry | undefined;
  let inUrls = false;
  for (let start = 0; start < text.length; ) {
    let end = text.indexOf("\n", start);
    if (end < 0) end = text.length;
    const from = start;
    start = end + 1;
    const first = text.charCodeAt(from);
    if (first !== 0x20) {
      if (end === from || first === 0x23) continue;
      const line = text.slice(from, end).trimEnd();
      if (line === "---") continue;
      if (line === "entries: {}") return index;
      inEntries = line === "entries:";
      seen ||= inEntries;
      if (!inEntries && !/^[A-Za-z]+:/.test(line)) return undefined;
      continue;
    }
    if (!inEntries) continue;
    let indent = 1;
    while (text.charCodeAt(from + indent) === 0x20) indent++;
    if (indent > 4) continue;
    const line = text.slice(from + indent, end).trimEnd();
    if (line === "") continue;
    if (indent === 2 && !line.startsWith("- ")) {
      const name = /^("?)([\w.-]+)\1:$/.exec(line)?.[2];
      if (name === undefined) return undefined;
      versions = [];
      entry = undefined;
      index.set(name, versions);
      continue;
    }
    let field = line;
    if (indent === 2) {
      if (versions === undefined) return undefined;
      entry = { version: "", url: "", digest: "" };
      versions.push(entry);
      field = line.slice(2);
      inUrls = false;
    } else if (indent !== 4 || entry === undefined) return undefined;
    if (field.startsWith("- ")) {
      if (inUrls && entry !== undefined && entry.url === "") {
        const url = scalar(field.slice(2));
        if (url === undefined) return undefined;
        entry.url = url;
      }
      continue;
    }
    const colon = field.indexOf(":");
    if (colon < 0) return undefined;
    const key = field.slice(0, colon);
    inUrls = key === "urls";
    if (key !== "version" && key !== "digest") continue;
    const value = scalar(field.slice(colon + 1).trim());
    if (value === undefined || entry === undefined) return undefined;
    if (key === "version") entry.version = value;
    else entry.digest = plainDigest(value);
  }
  if (!seen) return undefined;
  for (const entries of index.values()) {
    if (entries.some(({ version, url }) => version === "" || url === "")) return undefined;
  }
  return index;
}

/** A plain or quoted scalar on one line; undefined for anything else. */
function scalar(text: string): string | undefined {
  const quoted = /^"([^"\\]*)"$|^'([^']*)'$/.exec(text);
  if (quoted !== null) return quoted[1] ?? quoted[2];
  return text === "" || /^["'|>&*!{[%@`]|: | #/.test(text) ? undefined : text;
}

function plainDigest(digest: string): string {
  return digest.replace(/^sha256:/, "").toLowerCase();
}
