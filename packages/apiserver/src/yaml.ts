import { createRequire } from "node:module";

// The library is large and seldom needed: it is loaded when the first YAML body comes.
const require = createRequire(import.meta.url);

/** Thrown for text that is not YAML, or has no JSON form. */
export class YamlSyntaxError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "YamlSyntaxError";
  }
}

/**
 * Reads one YAML document as JSON text. Duplicate keys are kept as they come, so that strict decoding can name them.
 */
export function yamlToJson(text: string): string {
  const yaml = require("yaml") as typeof import("yaml");
  try {
    const document = yaml.parseDocument(text, { uniqueKeys: false, intAsBigInt: true, merge: true });
    const error = document.errors[0];
    if (error !== undefined) throw new YamlSyntaxError(error.message.split("\n")[0] ?? error.message);
    return nodeToJson({ yaml, anchors: new Map(), left: maxNodes }, document.contents);
  } catch (error) {
    // The library calls itself for each level.
    if (error instanceof RangeError || /call stack/.test((error as Error).message)) {
      throw new YamlSyntaxError("yaml: exceeded max depth");
    }
    throw error;
  }
}

/** Aliases can make a short text stand for more than memory holds. */
const maxNodes = 1_000_000;

export function encodeYaml(value: object): string {
  const yaml = require("yaml") as typeof import("yaml");
  return yaml.stringify(value, { version: "1.1", sortMapEntries: true, lineWidth: 0 });
}

interface JsonWriter {
  yaml: typeof import("yaml");
  /** Nodes by their anchors: the library looks through the whole document for each alias. */
  anchors: Map<string, unknown>;
  /** So many nodes may still be written. */
  left: number;
}

function nodeToJson(writer: JsonWriter, node: unknown): string {
  const { yaml, anchors } = writer;
  if (--writer.left < 0) throw new YamlSyntaxError("yaml: document contains excessive aliasing");
  if (yaml.isAlias(node)) return nodeToJson(writer, anchors.get(node.source));
  const { anchor } = (node ?? {}) as { anchor?: string };
  if (anchor !== undefined) anchors.set(anchor, node);
  if (yaml.isMap(node)) {
    const fields = node.items.map(({ key, value }) => {
      const name = yaml.isScalar(key) ? key.value : key;
      return `${JSON.stringify(String(name))}:${nodeToJson(writer, value)}`;
    });
    return `{${fields.join(",")}}`;
  }
  if (yaml.isSeq(node)) return `[${node.items.map((item) => nodeToJson(writer, item)).join(",")}]`;
  if (yaml.isScalar(node)) return scalarToJson(node.type === "PLAIN" ? plainScalar(node) : node.value);
  return "null";
}

/** Words and numbers that YAML 1.1 reads otherwise than the core schema, and Go's readers with it. */
function plainScalar({ value, source }: { value: unknown; source?: string }): unknown {
  if (typeof value === "string" && /^(y|yes|on|Y|Yes|YES|On|ON)$/.test(value)) return true;
  if (typeof value === "string" && /^(n|no|off|N|No|NO|Off|OFF)$/.test(value)) return false;
  if (source !== undefined && /^[-+]?0[0-7]+$/.test(source)) return Number.parseInt(source, 8);
  return value;
}

function scalarToJson(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new YamlSyntaxError(`json: unsupported value: ${Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf"}`);
  }
  if (value instanceof Date) return JSON.stringify(value.toISOString());
  return JSON.stringify(value ?? null);
}

/** Keys that a YAML text has twice in one map, as Go's reader names them: `line 7: key "a" already set in map`. */
export function duplicateYamlKeys(text: string): string[] {
  const yaml = require("yaml") as typeof import("yaml");
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { uniqueKeys: false, lineCounter: lines });
  const found: string[] = [];
  yaml.visit(document, {
    Map(_, map) {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        if (!yaml.isScalar(key)) continue;
        const name = String(key.value);
        const line = lines.linePos(key.range?.[0] ?? 0).line;
        if (seen.has(name)) found.push(`line ${line}: key ${JSON.stringify(name)} already set in map`);
        seen.add(name);
      }
    },
  });
  return found;
}
