import { protobufBody } from "./protobuf-body.ts";

/** A request, sent to both API servers. */
export interface Exchange {
  /** What it shows; the title in reports. */
  title: string;
  method: string;
  /** With the query. */
  path: string;
  /** An object is sent as JSON, a string as it is. */
  body?: unknown;
  contentType?: string;
  accept?: string;
  /** The user the administrator is to be taken for. */
  as?: { user: string; group?: string };
  /** Wait until the answer of a GET satisfies this before comparing: controllers take their time. */
  until?: (body: unknown) => boolean;
  /** The answer is not compared: only what it does counts. */
  silent?: boolean;
  /** Why the bodies differ: only the status code is compared. */
  differs?: string;
}

export interface Answer {
  status: number;
  /** Of answers to those who accept protobuf. */
  contentType?: string;
  warnings?: string[];
  body: unknown;
}

/** Sends requests to an API server as its administrator. */
export interface Api {
  send(exchange: Exchange): Promise<Answer>;
  close(): Promise<void>;
}

/** Sends an exchange, again and again when it waits for something, for at most ten seconds; then it throws. */
export async function sendUntil(api: Api, exchange: Exchange): Promise<Answer> {
  const { until } = exchange;
  const deadline = Date.now() + 10_000;
  for (;;) {
    const answer = await api.send(exchange);
    if (until === undefined || until(answer.body)) return answer;
    if (Date.now() > deadline) throw new Error(`${exchange.title}: still ${JSON.stringify(answer).slice(0, 500)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** What makes an API server take the administrator for somebody else. */
export function impersonationHeaders(as: Exchange["as"]): Record<string, string> {
  if (as === undefined) return {};
  return { "impersonate-user": as.user, ...(as.group !== undefined && { "impersonate-group": as.group }) };
}

/** The texts of a Warning header: `299 - "a", 299 - "b"`. */
function warningTexts(header: string | undefined): string[] {
  return [...(header ?? "").matchAll(/299 - "((?:[^"\\]|\\.)*)"/g)].map((match) =>
    (match[1] ?? "").replace(/\\(.)/g, "$1"),
  );
}

/** What came, as it is compared. Names of headers are in lower case. */
export function answerOf(
  { accept = "" }: Exchange,
  status: number,
  headers: Record<string, string | undefined>,
  bytes: Buffer,
): Answer {
  const contentType = headers["content-type"];
  const warnings = warningTexts(headers["warning"]);
  return {
    status,
    ...(accept.includes("protobuf") && contentType !== undefined && { contentType }),
    ...(warnings.length > 0 && { warnings }),
    body: contentType?.startsWith("application/vnd.kubernetes.protobuf")
      ? protobufBody(bytes)
      : bodyOf(bytes.toString()),
  };
}

/** JSON where it is JSON: some errors are plain text. */
function bodyOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
