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
 * Reads one YAML document as JSON text, with the meaning of YAML 1.1's integers and booleans left to the
 * core schema. Duplicate keys are kept as they come, so that strict decoding can name them.
 */
export function yamlToJson(text: string): string {
  const yaml = require("yaml") as typeof import("yaml");
  const document = yaml.parseDocument(text, { uniqueKeys: false, intAsBigInt: true, merge: true });
  const error = document.errors[0];
  if (error !== undefined) throw new YamlSyntaxError(error.message.split("\n")[0] ?? error.message);
  return nodeToJson(yaml, document.contents, document);
}

export function encodeYaml(value: object): string {
  const yaml = require("yaml") as typeof import("yaml");
  return yaml.stringify(value, { sortMapEntries: true, lineWidth: 0 });
}

type Yaml = typeof import("yaml");

function nodeToJson(yaml: Yaml, node: unknown, document: import("yaml").Document): string {
  if (yaml.isAlias(node)) return nodeToJson(yaml, node.resolve(document), document);
  if (yaml.isMap(node)) {
    const fields = node.items.map(({ key, value }) => {
      const name = yaml.isScalar(key) ? key.value : key;
      return `${JSON.stringify(String(name))}:${nodeToJson(yaml, value, document)}`;
    });
    return `{${fields.join(",")}}`;
  }
  if (yaml.isSeq(node)) return `[${node.items.map((item) => nodeToJson(yaml, item, document)).join(",")}]`;
  if (yaml.isScalar(node)) return scalarToJson(node.value);
  return "null";
}

function scalarToJson(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Date) return JSON.stringify(value.toISOString());
  return JSON.stringify(value ?? null);
}
