import fc from "fast-check";
import { expect, test } from "vitest";
import { ResponseParser } from "./response-parser.ts";

interface Seen {
  status: number;
  headers: Record<string, string | undefined>;
  body: string;
  /** Undefined while it has not ended. */
  reusable: boolean | undefined;
}

/** Pushes the pieces, as a connection that ends after them. */
function parse(pieces: Buffer[], end = true): Seen[] {
  const seen: Seen[] = [];
  const parser = new ResponseParser({
    onHead: (status, headers) => seen.push({ status, headers, body: "", reusable: undefined }),
    onBody: (chunk) => {
      (seen.at(-1) as Seen).body += chunk.toString("latin1");
    },
    onEnd: (reusable) => {
      (seen.at(-1) as Seen).reusable = reusable;
    },
  });
  for (const piece of pieces) parser.push(piece);
  if (end) parser.end();
  return seen;
}

function cut(text: string, cuts: number[]): Buffer[] {
  const bytes = Buffer.from(text, "latin1");
  const at = [0, ...cuts.filter((place) => place < bytes.length).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((to, i) => bytes.subarray(at[i], to));
}

const fixed = "HTTP/1.1 200 OK\r\nContent-Type: a\r\nX-Empty:\r\nContent-Length: 5\r\n\r\nhello";
const chunked =
  "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nA ;x=y\r\n, world ok\r\n0\r\nTrailer: 1\r\n\r\n";
const interim = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n";
const empty = "HTTP/1.1 204 No Content\r\nWarning: a\r\nwarning: b\r\n\r\n";

test("a response is the same however its bytes are cut", () => {
  const wanted = [
    [fixed, { status: 200, headers: { "content-type": "a", "x-empty": "", "content-length": "5" }, body: "hello" }],
    [chunked, { status: 201, headers: { "transfer-encoding": "chunked" }, body: "hello, world ok" }],
    [interim + fixed, { status: 200, body: "hello" }],
    [empty, { status: 204, headers: { warning: "a, b" }, body: "" }],
  ] as const;
  for (const [text, response] of wanted) {
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 12 }), (cuts) => {
        expect(parse(cut(text, cuts), false)).toMatchObject([{ ...response, reusable: true }]);
      }),
      { numRuns: 60 },
    );
  }
});

test.each([
  ["HTTP/1.1 200 OK\r\nConnection: keep-alive, Close\r\nContent-Length: 0\r\n\r\n", false],
  ["HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false],
  ["HTTP/1.1 200\r\nConnection: closed-not\r\nContent-Length: 0\r\n\r\n", true],
  ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", false],
  ["HTTP/1.1 304 Not Modified\r\nContent-Length: 12\r\n\r\n", true],
  ["HTTP/1.1 200 OK\r\n\r\nuntil the end", false],
])("%j leaves its connection reusable: %s", (text, reusable) => {
  expect(parse([Buffer.from(text)])).toMatchObject([{ reusable }]);
});

test("what comes behind a response is no response, and spoils the connection", () => {
  expect(parse([Buffer.from(fixed + fixed)])).toMatchObject([{ body: "hello", reusable: false }]);
});

test("one that the connection's end cuts short has not ended", () => {
  for (const text of [fixed, chunked]) {
    const places = Array.from({ length: text.length - 1 }, (_, i) => i + 1);
    for (const place of places) {
      const [seen] = parse([Buffer.from(text.slice(0, place))]);
      expect(seen?.reusable).toBe(undefined);
    }
  }
});

test.each([
  ["SSH-2.0-OpenSSH\r\n\r\n", 'it begins with "SSH-2.0-OpenSSH"'],
  ["HTTP/2 200 OK\r\n\r\n", 'it begins with "HTTP/2 200 OK"'],
  ["HTTP/1.1 200 OK\r\nno colon\r\n\r\n", 'a header field is "no colon"'],
  ["HTTP/1.1 200 OK\r\nspace : a\r\n\r\n", 'a header field is "space : a"'],
  ["HTTP/1.1 200 OK\r\na: b\r\n folded\r\n\r\n", 'a header field is " folded"'],
  ["HTTP/1.1 200 OK\r\na: b\nc: d\r\n\r\n", 'a header field is "a: b\\nc: d"'],
  ["HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "its length is -1"],
  ["HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", "its length is 1, 2"],
  ["HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n", "its transfer coding is gzip, chunked"],
  ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", 'a chunk\'s size is "xyz"'],
  ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n", "a chunk is longer than it says"],
  ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\nab\r\n", "a line between its chunks has no end"],
  [
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;${"x".repeat(2000)}`,
    "a line between its chunks is too long",
  ],
  ["HTTP/1.1 101 Switching Protocols\r\n\r\n", "it changes the protocol, which nobody asked for"],
  [`HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(20_000)}`, "its header fields are too long"],
])("%j is refused", (text, what) => {
  const message = `the answer is no HTTP: ${what}`;
  expect(() => parse([Buffer.from(text)])).toThrow(message);
  const pieces = Array.from({ length: Math.ceil(text.length / 7) }, (_, i) => text.slice(i * 7, i * 7 + 7));
  expect(() => parse(pieces.map((piece) => Buffer.from(piece)))).toThrow(message);
});
