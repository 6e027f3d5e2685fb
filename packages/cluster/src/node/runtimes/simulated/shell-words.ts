/** Cuts shell scripts into commands and their words, as far as the simulated runtime's shell goes. */

/** A piece of a word. */
export interface Segment {
  text: string;
  /** "$NAME" and "$(command)" in it stand for something else. */
  expands: boolean;
  /** It stood in quotes: it is a word even when nothing is left of it. */
  quoted: boolean;
}

export type Word = Segment[];

export interface ScriptPart {
  words: Word[];
  /** Where standard output goes. */
  to: "stdout" | "stderr" | "nowhere";
  /** What stands behind it. */
  separator: ";" | "&&" | "||" | "";
  /** It has pipes or jobs in the background, which are beyond this shell. */
  complex: boolean;
}

/** Splits at `;`, newlines, `&&` and `||`. */
export function splitScript(script: string): ScriptPart[] {
  const parts: ScriptPart[] = [];
  let part = newPart();
  let word: Word | undefined;
  let redirecting = "";
  const endWord = (): void => {
    if (word === undefined) return;
    if (redirecting !== "") redirect(part, redirecting, plain(word));
    else part.words.push(word);
    word = undefined;
    redirecting = "";
  };
  const endPart = (separator: ScriptPart["separator"]): void => {
    endWord();
    parts.push({ ...part, separator });
    part = newPart();
  };
  for (const [token] of script.matchAll(tokens)) {
    if (/^#./.test(token)) continue;
    if (/^[ \t\r]|^\\\n/.test(token)) endWord();
    else if (token === ";" || token === "\n") endPart(";");
    else if (token === "&&" || token === "||") endPart(token);
    else if (token === "&" || token === "|") part.complex = true;
    else if (/^\d?[<>]/.test(token)) {
      endWord();
      const [, target] = /^\d?>&(\d)$/.exec(token) ?? [];
      if (target === undefined) redirecting = token;
      else if (target === "2" && !token.startsWith("2")) part.to = "stderr";
    } else {
      word ??= [];
      if (token.startsWith("'")) word.push({ text: token.slice(1, -1), expands: false, quoted: true });
      else if (token.startsWith('"')) word.push(...doubleQuoted(token.slice(1, -1)));
      else if (token.startsWith("\\")) word.push({ text: token.slice(1), expands: false, quoted: false });
      else word.push({ text: token, expands: true, quoted: false });
    }
  }
  endPart("");
  return parts;
}

const tokens =
  /'[^']*'|"(?:[^"\\]|\\[\s\S])*"|\\\n|\\[\s\S]|(?<=^|[\s;&|])#[^\n]*|\d?>&\d|\d?>>?|\d?<|&&|\|\||[;\n&|]|[ \t\r]+|(?:\$\([^)]*\)|[^\s;&|"'\\<>#$]|\$(?!\())+|[#"'$]/g;

function newPart(): ScriptPart {
  return { words: [], to: "stdout", separator: "", complex: false };
}

/** Output to a file is seen by nobody but where the file is the container's own output. */
function redirect(part: ScriptPart, operator: string, target: string): void {
  if (operator.includes("<") || operator.startsWith("2")) return;
  part.to = /^\/dev\/stderr$|^\/proc\/(1|self)\/fd\/2$/.test(target)
    ? "stderr"
    : /^\/dev\/stdout$|^\/proc\/(1|self)\/fd\/1$/.test(target)
      ? "stdout"
      : "nowhere";
}

function doubleQuoted(text: string): Segment[] {
  const segments: Segment[] = [{ text: "", expands: true, quoted: true }];
  for (const [piece] of text.matchAll(/\\[\s\S]|[^\\]+/g)) {
    if (!piece.startsWith("\\")) segments.push({ text: piece, expands: true, quoted: true });
    else if (/[$`"\\]/.test(piece[1] ?? "")) segments.push({ text: piece.slice(1), expands: false, quoted: true });
    else if (piece[1] !== "\n") segments.push({ text: piece, expands: false, quoted: true });
  }
  return segments;
}

/** The word as it is written, without its quotes. */
export function plain(word: Word): string {
  return word.map(({ text }) => text).join("");
}
