import { getField, isJsonObject, type JsonObject, type JsonValue, setField } from "@podwright/kube";

/** Limits of helm.sh/helm pkg/strvals. */
const maxIndex = 65_536;
const maxNesting = 30;

type Step = { key: string } | { index: number };

/**
 * Sets one value in values, in place, as `helm --set PATH=TEXT` does: "a.b[0].c", a dot, comma, bracket or equals sign
 * kept by a backslash. What the text becomes: true, false, null and integers are such, `{a,b}` is a list, and anything
 * else is text; text in quotes stays text. Unlike with helm, the text of a whole path is one value: what follows a
 * comma sets nothing else.
 * Throws Error. Behaviour: helm.sh/helm pkg/strvals/parser.go, github.com/fluxcd/pkg/chartutil ReplacePathValue.
 */
export function setPath(values: JsonObject, path: string, text: string): void {
  const steps = parsePath(path);
  const value = parseScalar(text);
  let owner: JsonObject | JsonValue[] = values;
  for (const [at, step] of steps.entries()) {
    const next = steps[at + 1];
    if (next === undefined) {
      put(owner, step, value);
      return;
    }
    const child = read(owner, step);
    const wantsList = "index" in next;
    if (child === undefined || child === null) {
      const made: JsonObject | JsonValue[] = wantsList ? [] : {};
      put(owner, step, made);
      owner = made;
    } else if (wantsList ? Array.isArray(child) : isJsonObject(child)) {
      owner = child as JsonObject | JsonValue[];
    } else {
      const told = steps.slice(0, at + 1).map((s) => ("key" in s ? `.${s.key}` : `[${s.index}]`));
      throw new Error(`${told.join("")} is not a ${wantsList ? "list" : "map"}`);
    }
  }
}

/** The steps of a path. Throws Error with what is wrong. */
export function parsePath(path: string): Step[] {
  const steps: Step[] = [];
  let key = "";
  let afterIndex = false;
  const endKey = () => {
    if (key === "") throw new Error(`targetPath "${path}" has an empty name`);
    steps.push({ key });
    key = "";
  };
  for (let i = 0; i < path.length; i++) {
    const c = path[i] as string;
    if (c === "\\") key += path[++i] ?? "";
    else if (c === ".") {
      if (!afterIndex) endKey();
      afterIndex = false;
      if (i === path.length - 1) throw new Error(`targetPath "${path}" ends with a dot`);
    } else if (c === "[") {
      if (!afterIndex) endKey();
      const close = path.indexOf("]", i);
      const digits = path.slice(i + 1, close < 0 ? undefined : close);
      if (close < 0 || !/^\d+$/.test(digits)) throw new Error(`targetPath "${path}" has a wrong index "[${digits}"`);
      if (Number(digits) > maxIndex) throw new Error(`targetPath "${path}": the index is greater than ${maxIndex}`);
      steps.push({ index: Number(digits) });
      afterIndex = true;
      i = close;
    } else if (c === "=" || c === ",") throw new Error(`targetPath "${path}" holds "${c}"; write "\\${c}"`);
    else if (afterIndex) throw new Error(`targetPath "${path}" has text after an index`);
    else key += c;
  }
  if (!afterIndex) endKey();
  if (steps.length > maxNesting) throw new Error(`targetPath is nested deeper than ${maxNesting}`);
  return steps;
}

function parseScalar(text: string): JsonValue {
  const quoted =
    text.length > 1 && ((text.startsWith("'") && text.endsWith("'")) || (text.startsWith('"') && text.endsWith('"')));
  if (quoted) return unescaped(text.slice(1, -1));
  if (text.startsWith("{") && text.endsWith("}")) {
    return splitList(text.slice(1, -1)).map((element) => typed(unescaped(element)));
  }
  return typed(unescaped(text));
}

/** At commas that no backslash keeps; nothing at all is a list of one empty text, as with helm. */
function splitList(text: string): string[] {
  const elements = [""];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === ",") elements.push("");
    else {
      const kept = text.slice(i, text[i] === "\\" ? i + 2 : i + 1);
      i += kept.length - 1;
      elements[elements.length - 1] += kept;
    }
  }
  return elements;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, "$1");
}

function typed(text: string): JsonValue {
  const lower = text.toLowerCase();
  if (lower === "true") return true;
  if (lower === "false") return false;
  if (lower === "null") return null;
  if (text === "0") return 0;
  if (/^[+-]?[1-9]\d{0,18}$/.test(text) || /^[+-]0+$/.test(text) || /^[+-]0*[1-9]\d{0,17}$/.test(text)) {
    const integer = BigInt(text.replace("+", ""));
    if (Number.isSafeInteger(Number(integer))) return Number(integer);
    if (BigInt.asIntN(64, integer) === integer) return integer;
  }
  return text;
}

function read(owner: JsonObject | JsonValue[], step: Step): JsonValue | undefined {
  if ("key" in step) return getField(owner as JsonObject, step.key);
  return (owner as JsonValue[])[step.index];
}

function put(owner: JsonObject | JsonValue[], step: Step, value: JsonValue): void {
  if ("key" in step) {
    setField(owner as JsonObject, step.key, value);
    return;
  }
  const list = owner as JsonValue[];
  while (list.length < step.index) list.push(null);
  list[step.index] = value;
}
