import type { JsonObject, JsonValue } from "./object.ts";
import { quote } from "./quote.ts";

/** Text that is not JSON; the message is the one Go's decoder gives (sigs.k8s.io/json, scanner.go). */
export class JsonSyntaxError extends Error {
  /** Where reading stopped, in UTF-16 units from the start. */
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.name = "JsonSyntaxError";
    this.offset = offset;
  }
}

interface Frame {
  container: JsonValue[] | JsonObject;
  /** The field being read, for paths. */
  key: string;
}

const insideToken = /^in literal|numeric literal$|escape( code)?$/;
const maxDuplicates = 100;
const int64Max = 2n ** 63n - 1n;
const int64Min = -(2n ** 63n);

/**
 * A JSON parser that sees what JSON.parse does not: duplicate fields, int64 values, and where Go would stop. It keeps
 * its own stack, so depth is bounded by the limit and not by the engine's.
 */
export class JsonReader {
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #frames: Frame[] = [];
  readonly #duplicates = new Set<string>();
  #at = 0;
  /** Upstream finds numbers too large only once it knows the text is JSON. */
  #tooLarge: JsonSyntaxError | undefined;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  read(): { value: JsonValue; duplicates: string[] } {
    const value = this.#document();
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#fail("after top-level value");
    if (this.#tooLarge !== undefined) throw this.#tooLarge;
    return { value, duplicates: [...this.#duplicates] };
  }

  #document(): JsonValue {
    for (;;) {
      this.#skipSpace();
      let value = this.#scalarOrOpen();
      // A container was opened and is not empty: go on with its first element.
      if (value === undefined) continue;
      for (;;) {
        const frame = this.#frames.at(-1);
        if (frame === undefined) return value;
        if (this.#store(frame, value)) break;
        this.#frames.pop();
        value = frame.container;
      }
    }
  }

  /** A scalar or an empty container, or undefined when a container was opened. */
  #scalarOrOpen(): JsonValue | undefined {
    switch (this.#text[this.#at]) {
      case "{":
        this.#open({});
        if (this.#closes("}")) return this.#frames.pop()?.container;
        this.#key("looking for beginning of object key string");
        return undefined;
      case "[":
        this.#open([]);
        return this.#closes("]") ? this.#frames.pop()?.container : undefined;
      case '"':
        return this.#string();
      case "t":
        return this.#literal("true", true);
      case "f":
        return this.#literal("false", false);
      case "n":
        return this.#literal("null", null);
      default:
        return this.#number();
    }
  }

  #open(container: JsonValue[] | JsonObject): void {
    if (this.#frames.length >= this.#maxDepth) this.#fail("exceeded max depth");
    this.#at++;
    this.#frames.push({ container, key: "" });
    this.#skipSpace();
  }

  #closes(bracket: string): boolean {
    if (this.#text[this.#at] !== bracket) return false;
    this.#at++;
    return true;
  }

  /** Puts a finished value in its container; true when another follows, false when the container is closed. */
  #store(frame: Frame, value: JsonValue): boolean {
    const { container } = frame;
    if (Array.isArray(container)) container.push(value);
    else define(container, frame.key, value);
    this.#skipSpace();
    if (this.#closes(",")) {
      this.#skipSpace();
      if (!Array.isArray(container)) this.#key("looking for beginning of object key string");
      return true;
    }
    const inArray = Array.isArray(container);
    if (!this.#closes(inArray ? "]" : "}")) this.#fail(inArray ? "after array element" : "after object key:value pair");
    return false;
  }

  #key(context: string): void {
    if (this.#text[this.#at] !== '"') this.#fail(context);
    const key = this.#string();
    const frame = this.#frames.at(-1) as Frame;
    if (Object.hasOwn(frame.container, key) && this.#duplicates.size < maxDuplicates) {
      this.#duplicates.add(this.#pathTo(key));
    }
    frame.key = key;
    this.#skipSpace();
    if (!this.#closes(":")) this.#fail("after object key");
  }

  #pathTo(key: string): string {
    let path = "";
    for (const frame of this.#frames.slice(0, -1)) {
      if (Array.isArray(frame.container)) path += `[${frame.container.length}]`;
      else path += path === "" ? frame.key : `.${frame.key}`;
    }
    return path === "" ? key : `${path}.${key}`;
  }

  #string(): string {
    const start = this.#at++;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x22) break;
      if (code === 0x5c) this.#escape();
      else if (code < 0x20 || Number.isNaN(code)) this.#fail("in string literal");
      this.#at++;
    }
    this.#at++;
    // Half a character becomes U+FFFD, as in Go.
    return (JSON.parse(this.#text.slice(start, this.#at)) as string).toWellFormed();
  }

  #escape(): void {
    this.#at++;
    const code = this.#text[this.#at] ?? "";
    if (code === "u") {
      for (let i = 0; i < 4; i++) {
        this.#at++;
        if (!/^[0-9a-fA-F]$/.test(this.#text[this.#at] ?? "")) this.#fail("in \\u hexadecimal character escape");
      }
    } else if (!/^["\\/bfnrt]$/.test(code)) this.#fail("in string escape code");
  }

  #literal<T extends JsonValue>(word: string, value: T): T {
    for (let i = 1; i < word.length; i++) {
      this.#at++;
      if (this.#text[this.#at] !== word[i]) this.#fail(`in literal ${word} (expecting '${word[i]}')`);
    }
    this.#at++;
    return value;
  }

  #number(): number | bigint {
    const start = this.#at;
    if (this.#text[this.#at] === "-") {
      this.#at++;
      this.#digits("in numeric literal");
    } else this.#digits("looking for beginning of value");
    let integer = true;
    if (this.#closes(".")) {
      integer = false;
      this.#digits("after decimal point in numeric literal", false);
    }
    if (this.#closes("e") || this.#closes("E")) {
      integer = false;
      if (this.#text[this.#at] === "+" || this.#text[this.#at] === "-") this.#at++;
      this.#digits("in exponent of numeric literal", false);
    }
    const text = this.#text.slice(start, this.#at);
    const value = Number(text);
    if (!Number.isFinite(value)) {
      const message = `json: cannot unmarshal number ${text} into Go value of type float64`;
      this.#tooLarge ??= new JsonSyntaxError(message, this.#at);
    }
    if (!integer || Number.isSafeInteger(value)) return value === 0 ? 0 : value;
    const exact = BigInt(text);
    return exact < int64Min || exact > int64Max ? value : exact;
  }

  /** @param whole digits before the point: a leading zero stands alone. */
  #digits(context: string, whole = true): void {
    if (whole && this.#closes("0")) return;
    const start = this.#at;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (!(code >= 0x30 && code <= 0x39)) break;
      this.#at++;
    }
    if (this.#at === start) this.#fail(context);
  }

  #skipSpace(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  #fail(context: string): never {
    if (this.#at >= this.#text.length) {
      // Go ends its input with a space, which the middle of a word or number does not take.
      const message = insideToken.test(context) ? `invalid character ' ' ${context}` : "unexpected end of JSON input";
      throw new JsonSyntaxError(message, this.#at);
    }
    // Go reads bytes: of a character beyond ASCII it names the first byte.
    const byte = Buffer.from(String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0))[0] ?? 0;
    const shown = byte === 0x27 ? "\\'" : byte === 0x22 ? '"' : quote(String.fromCharCode(byte)).slice(1, -1);
    throw new JsonSyntaxError(`invalid character '${shown}' ${context}`, this.#at);
  }
}

function define(object: JsonObject, key: string, value: JsonValue): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}
