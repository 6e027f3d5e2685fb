import type { JsonValue } from "./object.ts";

const shortEscapes: Readonly<Record<number, string>> = {
  7: "\\a",
  8: "\\b",
  9: "\\t",
  10: "\\n",
  11: "\\v",
  12: "\\f",
  13: "\\r",
  34: '\\"',
  92: "\\\\",
};
const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** Quotes text as Go's %q does: printable characters stay, others become \n, \x00, \u200b or \U000e0001. */
export function quote(text: string): string {
  if (plain.test(text)) return `"${text}"`;
  let out = '"';
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    const short = shortEscapes[code];
    if (short !== undefined) out += short;
    else if (isPrintable(character)) out += character;
    else if (code < 0x80) out += `\\x${code.toString(16).padStart(2, "0")}`;
    else if (code >= 0xd800 && code <= 0xdfff) out += "\ufffd";
    else if (code < 0x10000) out += `\\u${code.toString(16).padStart(4, "0")}`;
    else out += `\\U${code.toString(16).padStart(8, "0")}`;
  }
  return `${out}"`;
}

/** Shows a value as Go's %v does: `map[a:1 b:[x y]]`, keys sorted. Errors about patches show them so. */
export function formatGoValue(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return "<nil>";
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map(formatGoValue).join(" ")}]`;
  const fields = Object.keys(value).sort();
  return `map[${fields.map((key) => `${key}:${formatGoValue(value[key])}`).join(" ")}]`;
}

// Made when first needed: as a literal it costs every process 5 MB, for texts that few have.
function isPrintable(character: string): boolean {
  const classes = ["L", "M", "N", "P", "S"].map((name) => `\\p{${name}}`);
  return new RegExp(`^[${classes.join("")} ]$`, "u").test(character);
}
