import type { JsonValue } from "@podwright/kube";

/** One step of a path: from each value found so far to those it leads to. */
export type PathStep =
  | { type: "field"; name: string }
  | { type: "fields"; names: string[] }
  | { type: "wildcard" }
  /** "..": the value and everything below it. */
  | { type: "descend" }
  | { type: "indexes"; indexes: number[] }
  | { type: "slice"; start: number; end?: number; step: number }
  | { type: "filter"; filter: PathFilter };

export type PathOperand = { type: "path"; steps: PathStep[] } | { type: "literal"; value: JsonValue };

export type PathFilter =
  | { left: PathOperand; operator: "exists" }
  | { left: PathOperand; operator: "==" | "!=" | "<" | "<=" | ">" | ">="; right: PathOperand };

/** Reads a path (k8s.io/client-go/util/jsonpath/parser.go). A leading "$" or "@" is the object itself. */
export function parseJsonPath(text: string): PathStep[] {
  const parser = new Parser(text);
  const steps = parser.path();
  parser.end();
  return steps;
}

const fieldEnd = /[\s.[\]()=!<>|,'"$@{}]/;

class Parser {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  path(): PathStep[] {
    const steps: PathStep[] = [];
    if (this.#peek() === "$" || this.#peek() === "@") this.#position++;
    for (;;) {
      const next = this.#peek();
      if (next === ".") {
        this.#position++;
        if (this.#peek() === ".") {
          this.#position++;
          steps.push({ type: "descend" });
          if (this.#peek() === "[" || this.#peek() === "") continue;
        } else if (this.#peek() === "[" || this.#peek() === "") continue;
        steps.push(this.#field());
      } else if (next === "[") {
        steps.push(this.#bracket());
      } else if (steps.length === 0 && next !== "" && !fieldEnd.test(next)) {
        // The dot before the first field may be left out.
        steps.push(this.#field());
      } else return steps;
    }
  }

  end(): void {
    this.#skipSpaces();
    if (this.#position < this.#text.length) this.#fail(`unrecognized character in action: ${this.#peek()}`);
  }

  #field(): PathStep {
    let name = "";
    for (let next = this.#peek(); next !== "" && !fieldEnd.test(next); next = this.#peek()) {
      this.#position++;
      // A backslash lets a dot be part of the name: .metadata.annotations.example\.com/key
      if (next === "\\") name += this.#text[this.#position++] ?? "";
      else name += next;
    }
    if (name === "") this.#fail("a field name is missing");
    return name === "*" ? { type: "wildcard" } : { type: "field", name };
  }

  #bracket(): PathStep {
    this.#position++;
    this.#skipSpaces();
    if (this.#text.startsWith("?(", this.#position)) return this.#filter();
    const close = this.#closingBracket();
    const inside = this.#text.slice(this.#position, close).trim();
    this.#position = close + 1;
    if (inside === "*") return { type: "wildcard" };
    if (inside.startsWith("'") || inside.startsWith('"')) {
      const names = inside.split(",").map((part) => unquote(part.trim()));
      return names.length === 1 ? { type: "field", name: names[0] as string } : { type: "fields", names };
    }
    if (inside.includes(":")) return this.#slice(inside);
    const indexes = inside.split(",").map((part) => this.#integer(part));
    return { type: "indexes", indexes };
  }

  #closingBracket(): number {
    let quote = "";
    for (let index = this.#position; index < this.#text.length; index++) {
      const character = this.#text[index] as string;
      if (quote !== "") {
        if (character === quote) quote = "";
      } else if (character === "'" || character === '"') quote = character;
      else if (character === "]") return index;
    }
    return this.#fail("unterminated array");
  }

  #slice(inside: string): PathStep {
    const [start = "", end = "", step = ""] = inside.split(":").map((part) => part.trim());
    return {
      type: "slice",
      start: start === "" ? 0 : this.#integer(start),
      ...(end === "" ? {} : { end: this.#integer(end) }),
      step: step === "" ? 1 : Math.max(1, this.#integer(step)),
    };
  }

  #filter(): PathStep {
    this.#position += 2;
    const left = this.#operand();
    this.#skipSpaces();
    const operator = /^(==|!=|<=|>=|<|>)/.exec(this.#text.slice(this.#position))?.[1];
    let filter: PathFilter;
    if (operator === undefined) filter = { left, operator: "exists" };
    else {
      this.#position += operator.length;
      filter = { left, operator: operator as "==", right: this.#operand() };
    }
    this.#skipSpaces();
    if (!this.#text.startsWith(")]", this.#position)) this.#fail("unterminated filter");
    this.#position += 2;
    return { type: "filter", filter };
  }

  #operand(): PathOperand {
    this.#skipSpaces();
    const rest = this.#text.slice(this.#position);
    const string = /^'(?:[^'\\]|\\.)*'|^"(?:[^"\\]|\\.)*"/.exec(rest)?.[0];
    if (string !== undefined) {
      this.#position += string.length;
      return { type: "literal", value: unquote(string) };
    }
    const word = /^(?:true|false|null|-?\d+(?:\.\d+)?)(?![\w.])/.exec(rest)?.[0];
    if (word !== undefined) {
      this.#position += word.length;
      return { type: "literal", value: JSON.parse(word) as JsonValue };
    }
    return { type: "path", steps: this.path() };
  }

  #integer(text: string): number {
    if (!/^-?\d+$/.test(text.trim())) this.#fail(`invalid array index ${text}`);
    return Number(text);
  }

  #peek(): string {
    return this.#text[this.#position] ?? "";
  }

  #skipSpaces(): void {
    while (this.#peek() === " ") this.#position++;
  }

  #fail(message: string): never {
    throw new Error(`${message} in ${this.#text}`);
  }
}

function unquote(text: string): string {
  return text.slice(1, -1).replace(/\\(.)/g, "$1");
}
