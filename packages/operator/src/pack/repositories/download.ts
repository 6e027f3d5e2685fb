import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { createGunzip } from "node:zlib";
import { ChartError } from "../charts/chart-source.ts";

/** What is presented to a server. */
export interface Credentials {
  username?: string;
  password?: string;
  /** Sent as a bearer token. */
  token?: string;
  /** PEM. */
  ca?: string;
  cert?: string;
  key?: string;
}

export interface DownloadOptions {
  maxBytes: number;
  timeoutMs: number;
  headers?: Record<string, string>;
  /** Sent to the URL's own origin and, with `credentialsEverywhere`, to those it redirects to. */
  authorization?: string | undefined;
  credentialsEverywhere?: boolean;
  /** Asks for gzip on the way. */
  compressed?: boolean;
  /** Responses that are no failure besides 2xx. */
  accept?: readonly number[];
  method?: "GET" | "HEAD";
}

export interface Download {
  status: number;
  headers: IncomingMessage["headers"];
  body: Buffer;
  /** After redirects. */
  url: string;
}

const maxRedirects = 5;

/** HTTP requests with one set of TLS credentials; connections are kept. */
export class Downloader {
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: 8 });
  readonly #https: HttpsAgent;

  constructor({ ca, cert, key }: Credentials = {}) {
    this.#https = new HttpsAgent({
      keepAlive: true,
      maxSockets: 8,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
    });
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  /**
   * Downloads, through redirects, within limits of size and time. Throws ChartError("FetchFailed") that names the host
   * and never the credentials or query.
   */
  async get(url: string, options: DownloadOptions): Promise<Download> {
    const signal = AbortSignal.timeout(options.timeoutMs);
    const origin = new URL(url).origin;
    let current = new URL(url);
    for (let redirects = 0; redirects <= maxRedirects; redirects++) {
      const trusted = current.origin === origin || options.credentialsEverywhere === true;
      let download: Download;
      try {
        download = await this.#once(current, trusted, options, signal);
      } catch (error) {
        if (error instanceof ChartError) throw error;
        const why = signal.aborted ? `no answer within ${options.timeoutMs / 1000} s` : reasonOf(error);
        throw new ChartError("FetchFailed", `${shown(current)}: ${why}`, true);
      }
      const { status, headers } = download;
      if (status >= 200 && status < 300) return download;
      if (options.accept?.includes(status)) return download;
      if ([301, 302, 303, 307, 308].includes(status) && headers.location !== undefined) {
        const next = new URL(headers.location, current);
        if (next.protocol !== "https:" && !(next.protocol === "http:" && current.protocol === "http:")) {
          throw new ChartError(
            "FetchFailed",
            `${shown(current)} redirects to ${next.protocol}//, which is refused`,
            true,
          );
        }
        current = next;
        continue;
      }
      const denied = status === 401 || status === 403;
      throw new ChartError(
        denied ? "AuthenticationFailed" : "FetchFailed",
        `${shown(current)} answered ${status}${denied ? ": the credentials of spec.secretRef are missing or not accepted" : ""}`,
        true,
      );
    }
    throw new ChartError("FetchFailed", `${shown(new URL(url))} redirects more than ${maxRedirects} times`, true);
  }

  #once(url: URL, trusted: boolean, options: DownloadOptions, signal: AbortSignal): Promise<Download> {
    const { promise, resolve, reject } = Promise.withResolvers<Download>();
    const secure = url.protocol === "https:";
    const request = (secure ? httpsRequest : httpRequest)(
      url,
      {
        agent: secure ? this.#https : this.#http,
        method: options.method ?? "GET",
        signal,
        headers: {
          "user-agent": "podwright",
          ...options.headers,
          ...(options.compressed === true ? { "accept-encoding": "gzip" } : {}),
          ...(trusted && options.authorization !== undefined ? { authorization: options.authorization } : {}),
        },
      },
      (response) => {
        read(response, url, options).then((body) => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body, url: url.href });
        }, reject);
      },
    );
    request.on("error", reject);
    request.end();
    return promise;
  }
}

/** The value of an Authorization header; undefined without credentials. */
export function authorization({ username, password, token }: Credentials): string | undefined {
  if (token !== undefined) return `Bearer ${token}`;
  if (username === undefined) return undefined;
  return `Basic ${Buffer.from(`${username}:${password ?? ""}`).toString("base64")}`;
}

/** A URL without what may be secret in it. */
export function shown(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

async function read(response: IncomingMessage, url: URL, { maxBytes, compressed }: DownloadOptions): Promise<Buffer> {
  const ok = (response.statusCode ?? 0) < 300;
  const packed = compressed === true && response.headers["content-encoding"] === "gzip";
  const stream = packed ? response.pipe(createGunzip()) : response;
  if (packed) response.on("error", (error) => stream.destroy(error));
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > (ok ? maxBytes : 64 * 1024)) {
      response.destroy();
      if (!ok) break;
      throw new ChartError("FetchFailed", `${shown(url)} is larger than ${maxBytes} bytes`, false);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function reasonOf(error: unknown): string {
  const { code, message, errors } = error as { code?: string; message?: string; errors?: Error[] };
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "the host's name cannot be resolved";
  if (code === "ECONNREFUSED") return "connection refused";
  return message || errors?.[0]?.message || code || "the connection failed";
}
