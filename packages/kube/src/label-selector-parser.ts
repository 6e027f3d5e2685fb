import { formatFieldError } from "./field-error.ts";
import { compareBytewise } from "./json.ts";
import {
  keyErrors,
  type LabelOperator,
  type LabelRequirement,
  newRequirement,
  SelectorError,
} from "./label-requirement.ts";

type TokenKind = "end" | "identifier" | "symbol" | "in" | "notin" | "error";

interface Token {
  kind: TokenKind;
  text: string;
}

const symbols = new Set([")", ",", "!", "==", "=", ">", "<", "!=", "("]);
const binaryOperators = "in, notin, =, ==, !=, gt, lt";
const operators: Readonly<Record<string, LabelOperator>> = {
  in: "in",
  notin: "notin",
  "=": "=",
  "==": "==",
  "!=": "!=",
  ">": "gt",
  "<": "lt",
};

/** The requirements of a selector's text, in its order. */
export function parseRequirements(text: string): LabelRequirement[] {
  const tokens = new Tokens(tokenize(text));
  const requirements: LabelRequirement[] = [];
  for (;;) {
    const first = tokens.peek();
    if (first.kind === "end") return requirements;
    if (first.kind !== "identifier" && first.text !== "!") {
      throw new SelectorError(`found '${first.text}', expected: !, identifier, or 'end of string'`);
    }
    requirements.push(parseRequirement(tokens));
    const next = tokens.take();
    if (next.kind === "end") return requirements;
    if (next.text !== ",") throw new SelectorError(`found '${next.text}', expected: ',' or 'end of string'`);
    const following = tokens.peek();
    if (following.kind !== "identifier" && following.text !== "!") {
      throw new SelectorError(`found '${following.text}', expected: identifier after ','`);
    }
  }
}

function parseRequirement(tokens: Tokens): LabelRequirement {
  try {
    let token = tokens.take();
    const absent = token.kind === "symbol" && token.text === "!";
    if (absent) token = tokens.take();
    if (token.kind !== "identifier") throw new SelectorError(`found '${token.text}', expected: identifier`);
    const key = token.text;
    // The parameter has no path; upstream writes the absent one so.
    const [wrongKey] = keyErrors(key, "<nil>");
    if (wrongKey !== undefined) throw new SelectorError(formatFieldError(wrongKey));
    if (absent) return newRequirement(key, "!", []);
    if (atEndOfRequirement(tokens)) return newRequirement(key, "exists", []);
    const operator = parseOperator(tokens);
    const values = operator === "in" || operator === "notin" ? parseValues(tokens) : [parseExactValue(tokens)];
    return newRequirement(key, operator, values.toSorted(compareBytewise));
  } catch (error) {
    if (error instanceof SelectorError) throw new SelectorError(`unable to parse requirement: ${error.message}`);
    throw error;
  }
}

function parseOperator(tokens: Tokens): LabelOperator {
  const token = tokens.take("operator");
  const operator = token.kind === "identifier" || token.kind === "error" ? undefined : operators[token.text];
  if (operator === undefined) throw new SelectorError(`found '${token.text}', expected: ${binaryOperators}`);
  return operator;
}

function parseValues(tokens: Tokens): string[] {
  const open = tokens.take();
  if (open.text !== "(") throw new SelectorError(`found '${open.text}' expected: '('`);
  const first = tokens.peek();
  if (first.text === ")") {
    tokens.take();
    return [""];
  }
  if (first.kind !== "identifier" && first.text !== ",") {
    throw new SelectorError(`found '${first.text}', expected: ',', ')' or identifier`);
  }
  const values = parseValueList(tokens);
  tokens.take();
  return values;
}

/** Values up to the closing parenthesis, which stays; two commas have an empty value between them. */
function parseValueList(tokens: Tokens): string[] {
  const values = new Set<string>();
  for (;;) {
    const token = tokens.take();
    const next = tokens.peek();
    if (token.kind === "identifier") {
      values.add(token.text);
      if (next.text === ")") return [...values];
      if (next.text !== ",") throw new SelectorError(`found '${next.text}', expected: ',' or ')'`);
    } else if (token.text === ",") {
      if (values.size === 0) values.add("");
      if (next.text === ")") {
        values.add("");
        return [...values];
      }
      if (next.text === ",") values.add("");
    } else throw new SelectorError(`found '${token.text}', expected: ',', or identifier`);
  }
}

function parseExactValue(tokens: Tokens): string {
  if (atEndOfRequirement(tokens)) return "";
  const token = tokens.take();
  if (token.kind !== "identifier") throw new SelectorError(`found '${token.text}', expected: identifier`);
  return token.text;
}

function atEndOfRequirement(tokens: Tokens): boolean {
  const next = tokens.peek();
  return next.kind === "end" || next.text === ",";
}

class Tokens {
  readonly #tokens: Token[];
  #at = 0;

  constructor(tokens: Token[]) {
    this.#tokens = tokens;
  }

  /** "in" and "notin" are words of the grammar only where an operator stands. */
  peek(place: "operator" | "value" = "value"): Token {
    const token = this.#tokens[this.#at] ?? { kind: "end", text: "" };
    const word = token.kind === "in" || token.kind === "notin";
    return word && place === "value" ? { kind: "identifier", text: token.text } : token;
  }

  take(place: "operator" | "value" = "value"): Token {
    const token = this.peek(place);
    this.#at++;
    return token;
  }
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const character = text.charAt(at);
    if (/[ \t\r\n]/.test(character)) at++;
    else if (isSymbol(character)) {
      const token = symbolAt(text, at);
      tokens.push(token.token);
      at = token.end;
    } else {
      const start = at;
      while (at < text.length && !isSymbol(text.charAt(at)) && !/[ \t\r\n]/.test(text.charAt(at))) at++;
      const word = text.slice(start, at);
      tokens.push({ kind: word === "in" || word === "notin" ? word : "identifier", text: word });
    }
  }
  return tokens;
}

function isSymbol(character: string): boolean {
  return "=!(),><".includes(character);
}

/** The longest symbol that starts here. */
function symbolAt(text: string, start: number): { token: Token; end: number } {
  const two = text.slice(start, start + 2);
  const symbol = symbols.has(two) ? two : text.charAt(start);
  return { token: { kind: "symbol", text: symbol }, end: start + symbol.length };
}
