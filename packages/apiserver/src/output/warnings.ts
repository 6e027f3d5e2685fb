/**
 * Texts for Warning headers, gathered while a request is served: each once, 4 KiB in all
 * (k8s.io/apiserver/pkg/endpoints/filters/warning.go).
 */
export class Warnings {
  readonly #texts: string[] = [];

  add(text: string): void {
    if (text !== "" && !this.#texts.includes(text)) this.#texts.push(text);
  }

  /** The header's value with all of them, or undefined when there are none. */
  header(): string | undefined {
    if (this.#texts.length === 0) return undefined;
    let texts: readonly string[] = this.#texts;
    if (total(texts) > maxTotalLength) {
      texts = texts.map((text) => (text.length > maxItemLength ? text.slice(0, maxItemLength) : text));
    }
    const values: string[] = [];
    let length = 0;
    for (const text of texts) {
      length += text.length;
      if (length > maxTotalLength) break;
      values.push(`299 - "${quotedText(text)}"`);
    }
    return values.join(", ");
  }
}

const maxTotalLength = 4096;
/** What each is cut to when all together are too long. */
const maxItemLength = 256;

function total(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0);
}

/** A quoted-string of printable characters; what a header cannot carry becomes a question mark. */
function quotedText(text: string): string {
  let escaped = "";
  for (const character of text) {
    const code = character.charCodeAt(0);
    if (character === '"' || character === "\\") escaped += `\\${character}`;
    else escaped += code < 0x20 || code === 0x7f ? " " : code > 0xff ? "?" : character;
  }
  return escaped;
}
