/** What a request's head is made of. */
export interface RequestLine {
  method: string;
  /** With its query. */
  path: string;
  headers: Record<string, string> | undefined;
  authorization: string | undefined;
  body: string | Uint8Array | undefined;
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Writes the heads of requests to one server. */
export class RequestHeads {
  readonly #basePath: string;
  readonly #host: string;
  readonly #common: Record<string, string | string[]>;
  // Clients give the same few frozen objects again and again.
  readonly #written = new WeakMap<object, { authorization: string | undefined; text: string }>();

  /** `common` goes with every request that does not say otherwise. */
  constructor(host: string, basePath: string, common: Record<string, string | string[]>) {
    this.#host = host;
    this.#basePath = basePath;
    this.#common = common;
  }

  /** Throws TypeError for what cannot be written: line breaks, or a path that is not escaped. */
  write({ method, path, headers, authorization, body }: RequestLine): string {
    if (!/^[\x21-\x7e]+$/.test(path)) throw new TypeError(`the path ${JSON.stringify(path)} is not escaped`);
    const length = body === undefined ? "" : `content-length: ${Buffer.byteLength(body)}\r\n`;
    return `${method} ${this.#basePath}${path} HTTP/1.1\r\n${this.#fields(headers, authorization)}${length}\r\n`;
  }

  #fields(headers: Record<string, string> | undefined, authorization: string | undefined): string {
    const known = headers === undefined ? undefined : this.#written.get(headers);
    if (known !== undefined && known.authorization === authorization) return known.text;
    const text = this.#writeFields(headers, authorization);
    if (headers !== undefined && Object.isFrozen(headers)) this.#written.set(headers, { authorization, text });
    return text;
  }

  #writeFields(headers: Record<string, string> | undefined, authorization: string | undefined): string {
    const fields = new Map<string, string | string[]>([["host", this.#host]]);
    if (authorization !== undefined) fields.set("authorization", authorization);
    for (const given of [this.#common, headers ?? {}]) {
      for (const [name, value] of Object.entries(given)) fields.set(name.toLowerCase(), value);
    }
    let text = "";
    for (const [name, values] of fields) {
      for (const value of Array.isArray(values) ? values : [values]) text += `${name}: ${checked(name, value)}\r\n`;
    }
    return text;
  }
}

// The value is not shown: it may be a secret.
function checked(name: string, value: string): string {
  if (!token.test(name)) throw new TypeError(`${JSON.stringify(name)} is no name of a header field`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(value)) throw new TypeError(`the header field ${name} has a control character`);
  return value;
}
