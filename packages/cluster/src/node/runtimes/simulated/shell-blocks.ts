/** `for … done` and `if … fi` in a script that was cut into its commands. */
import { plain, type ScriptPart, type Word } from "./shell-words.ts";

/** What the part begins with, when it stands without quotes. */
export function keywordOf(part: ScriptPart | undefined): string {
  const [first] = part?.words ?? [];
  return first?.every(({ quoted }) => !quoted) ? plain(first) : "";
}

/** Where the block that begins at `from` has its `done` or `fi`; `from` itself when it has none. */
export function closing(parts: readonly ScriptPart[], from: number): number {
  let depth = 0;
  for (let at = from; at < parts.length; at++) {
    for (const word of parts[at]?.words ?? []) {
      const text = word.length === 1 && !word[0]?.quoted ? plain(word) : "";
      if (opens.has(text) && word === openingWord(parts[at])) depth++;
      if ((text === "done" || text === "fi") && word === parts[at]?.words[0] && --depth === 0) return at;
    }
  }
  return from;
}

const opens = new Set(["for", "if", "while", "until"]);

/** A block may begin behind `do`, `then` or `else`. */
function openingWord(part: ScriptPart | undefined): Word | undefined {
  const [first, second] = part?.words ?? [];
  return first !== undefined && ["do", "then", "else"].includes(plain(first)) ? second : first;
}

/** Condition, body, condition, body, …, else: each without its keyword. */
export function branches(parts: readonly ScriptPart[]): ScriptPart[][] {
  const sections: ScriptPart[][] = [];
  let depth = 0;
  for (const part of parts) {
    const keyword = keywordOf(part);
    if (keyword === "fi" || keyword === "done") depth--;
    const top = depth === 1 || sections.length === 0;
    if (opens.has(plain(openingWord(part) ?? []))) depth++;
    if (top && ["if", "then", "elif", "else"].includes(keyword)) sections.push(withoutFirstWord([part]));
    else sections.at(-1)?.push(part);
  }
  return sections;
}

export function withoutFirstWord([first, ...rest]: readonly ScriptPart[]): ScriptPart[] {
  return first === undefined ? [] : [{ ...first, words: first.words.slice(1) }, ...rest];
}
