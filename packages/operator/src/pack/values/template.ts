import { isJsonObject, type JsonObject, type JsonValue, setField } from "@podwright/kube";
import { type ExpressionNode, evaluate } from "./expression.ts";
import { asText, maxTextLength } from "./filters.ts";
import { ValuesError } from "./values-error.ts";

/** The longest expression between braces; the lexer's time grows with its square. */
const maxExpressionLength = 1024;
/** Expressions in the values of one Pack. */
const maxExpressions = 10_000;
/** Text made for one Pack. */
const maxTotalLength = 4 * 1024 * 1024;
/** Nesting of values. */
const maxDepth = 100;

type Parse = (source: string) => ExpressionNode;

/**
 * Values with their templates rendered: `{{ EXPRESSION }}` in any text, where EXPRESSION is Jinja's over `vars`, with
 * filters. Text that is one expression and nothing else becomes the expression's value, of its type. `{% raw %}` and
 * `{% endraw %}` enclose text to keep; an expression that begins with `.` or `$` is a Go template's, for the chart's
 * own `tpl`, and kept as well. Statements (loops, conditions, macros) are refused.
 * Throws ValuesError with the path.
 */
export async function renderTemplates(values: JsonObject, vars: JsonObject): Promise<JsonObject> {
  if (!hasTemplate(values, 0)) return values;
  const { parse, tokenize } = await import("@huggingface/jinja");
  const renderer = new Renderer({ vars }, (source) => {
    const body = parse(tokenize(`{{ ${source} }}`)).body;
    if (body.length !== 1) throw new Error("not one expression");
    return body[0] as ExpressionNode;
  });
  return renderer.value(values, "", 0) as JsonObject;
}

function hasTemplate(value: JsonValue, depth: number): boolean {
  if (typeof value === "string") return value.includes("{{") || value.includes("{%");
  if (typeof value !== "object" || value === null || depth > maxDepth) return depth > maxDepth;
  return Object.values(value).some((child) => hasTemplate(child as JsonValue, depth + 1));
}

class Renderer {
  readonly #names: JsonObject;
  readonly #parse: Parse;
  readonly #parsed = new Map<string, ExpressionNode>();
  #expressions = 0;
  #length = 0;

  constructor(names: JsonObject, parse: Parse) {
    this.#names = names;
    this.#parse = parse;
  }

  value(value: JsonValue, path: string, depth: number): JsonValue {
    if (depth > maxDepth) throw new ValuesError(path, `nested deeper than ${maxDepth}`);
    if (typeof value === "string") return this.#text(value, path);
    if (Array.isArray(value)) return value.map((element, i) => this.value(element, `${path}[${i}]`, depth + 1));
    if (!isJsonObject(value)) return value;
    const rendered: JsonObject = {};
    for (const [key, field] of Object.entries(value)) {
      const fieldPath = /^[\w-]+$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
      setField(rendered, key, this.value(field as JsonValue, fieldPath, depth + 1));
    }
    return rendered;
  }

  #text(text: string, path: string): JsonValue {
    if (!text.includes("{{") && !text.includes("{%")) return text;
    try {
      const pieces = split(text);
      const only = pieces[0];
      if (pieces.length === 1 && only?.expression === true) return this.#evaluate(only.text);
      let result = "";
      for (const piece of pieces) {
        result += piece.expression ? asText(this.#evaluate(piece.text)) : piece.text;
        if (result.length > maxTextLength + text.length) {
          throw new Error(`the result is longer than ${maxTextLength} characters`);
        }
      }
      this.#count(result.length);
      return result;
    } catch (error) {
      if (error instanceof ValuesError) throw error;
      // The parser recurses: RangeError means nesting too deep for it.
      const message = error instanceof RangeError ? "nested too deeply" : (error as Error).message;
      throw new ValuesError(path, message);
    }
  }

  #evaluate(source: string): JsonValue {
    if (++this.#expressions > maxExpressions) throw new Error(`more than ${maxExpressions} expressions`);
    let node = this.#parsed.get(source);
    if (node === undefined) {
      if (source.length > maxExpressionLength) throw new Error(`an expression longer than ${maxExpressionLength}`);
      try {
        node = this.#parse(source);
      } catch (error) {
        if (error instanceof RangeError) throw error;
        throw new Error(
          `{{ ${source} }} is not an expression: ${(error as Error).message}; text for the chart itself to render is put between {% raw %} and {% endraw %}`,
        );
      }
      this.#parsed.set(source, node);
    }
    const value = evaluate(node, this.#names);
    if (typeof value === "object" && value !== null) this.#count(JSON.stringify(value, bigintAsText).length);
    return value;
  }

  #count(length: number): void {
    this.#length += length;
    if (this.#length > maxTotalLength) throw new Error(`the values are larger than ${maxTotalLength} characters`);
  }
}

interface Piece {
  expression: boolean;
  text: string;
}

/** Text and the expressions in it. */
function split(text: string): Piece[] {
  const pieces: Piece[] = [];
  let plain = "";
  let at = 0;
  const end = () => {
    if (plain !== "") pieces.push({ expression: false, text: plain });
    plain = "";
  };
  while (at < text.length) {
    const brace = text.indexOf("{", at);
    if (brace < 0) break;
    plain += text.slice(at, brace);
    at = brace;
    if (text.startsWith("{{", at)) {
      const { source, next, stripBefore, stripAfter } = expressionAt(text, at);
      if (/^[.$]/.test(source)) plain += text.slice(at, next);
      else {
        if (stripBefore) plain = plain.trimEnd();
        end();
        pieces.push({ expression: true, text: source });
      }
      at = next;
      if (stripAfter && !/^[.$]/.test(source)) while (/\s/.test(text[at] ?? "")) at++;
    } else if (text.startsWith("{%", at)) {
      const tag = tagAt(text, at);
      if (tag?.keyword === "raw") {
        const close = /\{%-?[ \t]*endraw[ \t]*-?%\}/g;
        close.lastIndex = tag.next;
        const found = close.exec(text);
        if (found === null) throw new Error("{% raw %} without {% endraw %}");
        plain += text.slice(tag.next, found.index);
        at = close.lastIndex;
      } else if (tag !== undefined) {
        throw new Error(`{% ${tag.keyword} %} is not supported, only {{ EXPRESSION }} with filters`);
      } else {
        plain += "{%";
        at += 2;
      }
    } else {
      plain += "{";
      at++;
    }
  }
  plain += text.slice(at);
  end();
  return pieces;
}

/** The expression whose `{{` is at a place; braces and quotes in it are followed. */
function expressionAt(text: string, at: number) {
  let quote = "";
  let depth = 0;
  for (let i = at + 2; i < text.length; i++) {
    const c = text[i] as string;
    if (quote !== "") {
      if (c === "\\") i++;
      else if (c === quote) quote = "";
    } else if (c === '"' || c === "'") quote = c;
    else if (c === "{") depth++;
    else if (c === "}" && depth > 0) depth--;
    else if (c === "}" && text[i + 1] === "}") {
      let source = text.slice(at + 2, i);
      const stripBefore = source.startsWith("-");
      const stripAfter = source.endsWith("-");
      source = source.slice(stripBefore ? 1 : 0, stripAfter ? -1 : undefined).trim();
      return { source, next: i + 2, stripBefore, stripAfter };
    }
  }
  throw new Error("{{ without }}");
}

const statements =
  /^(raw|if|elif|else|endif|for|endfor|set|endset|macro|endmacro|call|endcall|filter|endfilter|include|import|from|extends|block|endblock|break|continue|endraw)$/;

/** The statement whose `{%` is at a place; undefined where it is no statement of Jinja's. */
function tagAt(text: string, at: number): { keyword: string; next: number } | undefined {
  const close = text.indexOf("%}", at + 2);
  if (close < 0) return undefined;
  const keyword = /^-?[ \t]*(\w+)/.exec(text.slice(at + 2, Math.min(close, at + 60)))?.[1];
  return keyword !== undefined && statements.test(keyword) ? { keyword, next: close + 2 } : undefined;
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
