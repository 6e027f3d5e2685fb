/** What a server sent is no HTTP/1.1, or more of it than is taken. */
export class HttpSyntaxError extends Error {
  readonly code = "EBADHTTP";
  constructor(what: string) {
    super(`the answer is no HTTP: ${what}`);
    this.name = "HttpSyntaxError";
  }
}

export type ResponseHeaders = Record<string, string | undefined>;

/** Told of the parts of one response after the other. */
export interface ResponseListener {
  /** Names are in lower case; a field given several times has its values joined with ", ". */
  onHead(status: number, headers: ResponseHeaders): void;
  onBody(chunk: Buffer): void;
  /** `reusable`: the connection may carry another request. */
  onEnd(reusable: boolean): void;
}

/** Of a head, and of what stands between chunks. */
const maxHeadBytes = 64 * 1024;
const maxChunkLineBytes = 1024;
const headEnd = Buffer.from("\r\n\r\n");

// States of the parser.
const inHead = 0;
const inLength = 1;
const inChunkLine = 2;
const inChunk = 3;
const inChunkEnd = 4;
const inTrailers = 5;
const untilClose = 6;

/**
 * Reads the responses of a connection from pieces however they are cut, one at a time: RFC 9112. Interim responses
 * (1xx) are passed over. Nothing may be pushed after {@link HttpSyntaxError} was thrown.
 */
export class ResponseParser {
  readonly #listener: ResponseListener;
  #state = inHead;
  /** Of a head, chunk line or trailers that have not come whole. */
  #rest: Buffer | undefined;
  /** Bytes to come: of the body, or of the chunk. */
  #left = 0;
  #reusable = false;
  #finished = false;

  constructor(listener: ResponseListener) {
    this.#listener = listener;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#finished) {
      switch (this.#state) {
        case inHead:
          at = this.#readHead(chunk, at);
          break;
        case inLength:
        case inChunk:
          at = this.#readData(chunk, at);
          break;
        case untilClose:
          this.#listener.onBody(at === 0 ? chunk : chunk.subarray(at));
          at = chunk.length;
          break;
        default:
          at = this.#readLine(chunk, at);
      }
    }
    // What comes behind a response answers nothing: the next one must not be taken for it.
    if (this.#finished) this.#tellEnd(this.#reusable && at === chunk.length);
  }

  /** The connection ended. True when that is how the response ends, or there was none. */
  end(): boolean {
    if (this.#state === untilClose) {
      this.#tellEnd(false);
      return true;
    }
    return this.#state === inHead && this.#rest === undefined;
  }

  #tellEnd(reusable: boolean): void {
    this.#state = inHead;
    this.#finished = false;
    this.#listener.onEnd(reusable);
  }

  #readHead(chunk: Buffer, from: number): number {
    let text = from === 0 ? chunk : chunk.subarray(from);
    const before = this.#rest?.length ?? 0;
    if (this.#rest !== undefined) text = Buffer.concat([this.#rest, text]);
    const end = text.indexOf(headEnd, Math.max(0, before - 3));
    if ((end < 0 ? text.length : end) > maxHeadBytes) throw new HttpSyntaxError("its header fields are too long");
    if (end < 0) {
      this.#rest = text;
      return chunk.length;
    }
    this.#rest = undefined;
    this.#takeHead(text.toString("latin1", 0, end));
    return from + end + headEnd.length - before;
  }

  #takeHead(text: string): void {
    const lines = text.split("\r\n");
    const statusLine = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [^\r\n\0]*)?$/.exec(lines[0] as string);
    if (statusLine === null) throw new HttpSyntaxError(`it begins with ${JSON.stringify(lines[0]?.slice(0, 60))}`);
    const status = Number(statusLine[2]);
    const headers = readFields(lines);
    if (status < 200) {
      if (status === 101) throw new HttpSyntaxError("it changes the protocol, which nobody asked for");
      return;
    }
    const { connection } = headers;
    this.#reusable =
      statusLine[1] === "1" && (connection === undefined || !/(?:^|,)\s*close\s*(?:,|$)/i.test(connection));
    this.#listener.onHead(status, headers);
    this.#begin(status, headers);
  }

  // How long the body is: RFC 9112, section 6.3.
  #begin(status: number, headers: ResponseHeaders): void {
    const { "content-length": length, "transfer-encoding": coding } = headers;
    if (status === 204 || status === 304) this.#finished = true;
    else if (coding !== undefined) {
      if (coding.toLowerCase() !== "chunked") throw new HttpSyntaxError(`its transfer coding is ${coding}`);
      // Both is what somebody smuggles with.
      if (length !== undefined) this.#reusable = false;
      this.#state = inChunkLine;
    } else if (length !== undefined) {
      if (!/^\d{1,15}$/.test(length)) throw new HttpSyntaxError(`its length is ${length}`);
      this.#left = Number(length);
      if (this.#left === 0) this.#finished = true;
      else this.#state = inLength;
    } else this.#state = untilClose;
  }

  #readData(chunk: Buffer, from: number): number {
    const end = Math.min(chunk.length, from + this.#left);
    this.#left -= end - from;
    this.#listener.onBody(from === 0 && end === chunk.length ? chunk : chunk.subarray(from, end));
    if (this.#left === 0) {
      if (this.#state === inLength) this.#finished = true;
      else this.#state = inChunkEnd;
    }
    return end;
  }

  // A chunk's line, the line end behind a chunk, or a trailer.
  #readLine(chunk: Buffer, from: number): number {
    const newline = chunk.indexOf(10, from);
    const end = newline < 0 ? chunk.length : newline + 1;
    const piece = chunk.subarray(from, end);
    const line = this.#rest === undefined ? piece : Buffer.concat([this.#rest, piece]);
    if (line.length > maxChunkLineBytes) throw new HttpSyntaxError("a line between its chunks is too long");
    this.#rest = newline < 0 ? line : undefined;
    if (newline < 0) return end;
    if (line[line.length - 2] !== 13) throw new HttpSyntaxError("a line between its chunks has no end");
    this.#takeLine(line.toString("latin1", 0, line.length - 2));
    return end;
  }

  #takeLine(line: string): void {
    if (this.#state === inChunkEnd) {
      if (line !== "") throw new HttpSyntaxError("a chunk is longer than it says");
      this.#state = inChunkLine;
    } else if (this.#state === inTrailers) {
      if (line === "") this.#finished = true;
    } else {
      const size = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?$/i.exec(line);
      if (size === null) throw new HttpSyntaxError(`a chunk's size is ${JSON.stringify(line.slice(0, 60))}`);
      this.#left = Number.parseInt(size[1] as string, 16);
      this.#state = this.#left === 0 ? inTrailers : inChunk;
    }
  }
}

function readFields(lines: string[]): ResponseHeaders {
  const headers: ResponseHeaders = {};
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] as string;
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) || /[\0\r\n]/.test(value)) {
      throw new HttpSyntaxError(`a header field is ${JSON.stringify(line.slice(0, 60))}`);
    }
    const before = headers[name];
    headers[name] = before === undefined ? value : `${before}, ${value}`;
  }
  return headers;
}
