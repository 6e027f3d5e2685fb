import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import type { Duplex, Readable } from "node:stream";
import { type DockerAddress, dockerAddress, formatDockerAddress } from "./docker-address.ts";
import { DockerError } from "./docker-error.ts";

export interface DockerRequest {
  query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON; a Buffer, string or stream as it is, by default as a tar archive. */
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
  /**
   * An answer that takes long by nature (stop, wait, follow). It gets a connection of its own, so that those of the
   * quick ones are never all taken.
   */
  slow?: boolean;
}

/** The newest version of the Engine API that this client knows, and the oldest that it can work with (docker 19.03). */
const newestVersion = [1, 47] as const;
const oldestVersion = [1, 40] as const;

/** A JSON answer of more is an error: the longest that are asked for are lists of containers and images. */
const longestAnswer = 64 << 20;

/**
 * Speaks the Engine API with one daemon, over its socket or TCP. The version is negotiated with the first request.
 * Every failure is a {@link DockerError}.
 */
export class DockerClient {
  readonly address: DockerAddress;
  readonly #pool: Agent;
  #version: Promise<string> | undefined;

  constructor(address: DockerAddress = dockerAddress()) {
    this.address = address;
    const limits = { keepAlive: true, maxSockets: 24 };
    this.#pool = "tls" in address && address.tls ? new TlsAgent(limits) : new Agent(limits);
  }

  /** The answer's JSON; undefined when it has no body. */
  async json<T>(method: string, path: string, options: DockerRequest = {}): Promise<T> {
    const text = await this.text(method, path, options);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  /** The answer's whole body as text. */
  async text(method: string, path: string, options: DockerRequest = {}): Promise<string> {
    return readWhole(await this.stream(method, path, { slow: false, ...options }));
  }

  /** The answer as it comes. Not reading on holds the daemon back; destroying it leaves. */
  async stream(method: string, path: string, options: DockerRequest = {}): Promise<IncomingMessage> {
    const prefix = await this.version();
    const answer = await this.#send(method, `/v${prefix}${path}`, { slow: true, ...options });
    if ((answer.statusCode ?? 0) < 400) return answer;
    throw await errorOf(answer);
  }

  /**
   * A request whose connection becomes the streams of a process (attach, exec start). Ending the answer half-closes
   * the process's input.
   */
  async hijack(path: string, options: DockerRequest = {}): Promise<Duplex> {
    const prefix = await this.version();
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    const sent = this.#request("POST", `/v${prefix}${path}`, {
      ...options,
      slow: true,
      headers: {
        Connection: "Upgrade",
        Upgrade: "tcp",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        "Content-Length": String(Buffer.byteLength(body ?? "")),
        ...options.headers,
      },
    });
    return new Promise((resolve, reject) => {
      sent.on("error", (error) => reject(this.#unreachable(error)));
      sent.on("response", (answer) => errorOf(answer).then(reject, reject));
      sent.on("upgrade", (_answer, socket, head) => {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
      });
      sent.end(body);
    });
  }

  /** The version of the API spoken with this daemon: "1.41". Throws when the daemon is too old or not there. */
  version(): Promise<string> {
    this.#version ??= this.#negotiate().catch((error: unknown) => {
      this.#version = undefined;
      throw error;
    });
    return this.#version;
  }

  async #negotiate(): Promise<string> {
    const answer = await this.#send("GET", "/_ping", {});
    answer.resume();
    const offered = String(answer.headers["api-version"] ?? "");
    const [major = 0, minor = 0] = offered.split(".").map(Number);
    if (major !== 1 || minor < oldestVersion[1]) {
      const wanted = oldestVersion.join(".");
      const has = offered === "" ? "what answers says none" : `it has ${offered}`;
      throw new DockerError(0, `${formatDockerAddress(this.address)}: API version ${wanted} is needed, ${has}`);
    }
    return `1.${Math.min(minor, newestVersion[1])}`;
  }

  /** Lets go of its idle connections. Streams that are open are their owners'. */
  close(): void {
    this.#pool.destroy();
  }

  async #send(method: string, path: string, options: DockerRequest): Promise<IncomingMessage> {
    try {
      return await this.#attempt(method, path, options);
    } catch (error) {
      // A kept connection that the daemon closed meanwhile: nothing was done, and reading may be tried again.
      const { reused, cause } = error as DockerError & { reused?: boolean };
      const code = (cause as NodeJS.ErrnoException | undefined)?.code;
      if (method !== "GET" || !reused || (code !== "ECONNRESET" && code !== "EPIPE")) throw error;
      return this.#attempt(method, path, options);
    }
  }

  #attempt(method: string, path: string, options: DockerRequest): Promise<IncomingMessage> {
    const { body } = options;
    const isRaw = typeof body === "string" || body instanceof Uint8Array || isReadable(body);
    const json = body === undefined || isRaw ? undefined : JSON.stringify(body);
    const type = isRaw ? "application/x-tar" : "application/json";
    const sent = this.#request(method, path, {
      ...options,
      headers: {
        ...(body === undefined ? {} : { "Content-Type": type }),
        ...(json === undefined ? {} : { "Content-Length": String(Buffer.byteLength(json)) }),
        ...options.headers,
      },
    });
    return new Promise((resolve, reject) => {
      sent.on("response", resolve);
      sent.on("error", (error) =>
        reject(Object.assign(this.#unreachable(error), sent.reusedSocket ? { reused: true } : {})),
      );
      if (isReadable(body)) {
        body.on("error", (error) => sent.destroy(error));
        body.pipe(sent);
      } else {
        sent.end(isRaw ? body : json);
      }
    });
  }

  #request(method: string, path: string, { query, headers, signal, slow }: DockerRequest): ClientRequest {
    const options: RequestOptions = {
      method,
      path: path + queryText(query),
      headers: { Host: "docker", ...headers },
      agent: slow ? false : this.#pool,
      ...(signal && { signal }),
    };
    if ("socketPath" in this.address) return request({ ...options, socketPath: this.address.socketPath });
    const { host, port, tls } = this.address;
    return tls ? tlsRequest({ ...options, host, port, ...tls }) : request({ ...options, host, port });
  }

  #unreachable(error: Error): DockerError {
    if (error instanceof DockerError) return error;
    const { code } = error as NodeJS.ErrnoException;
    const address = formatDockerAddress(this.address);
    const why =
      code === "ENOENT" || code === "ECONNREFUSED"
        ? `the docker daemon does not answer at ${address}`
        : code === "EACCES"
          ? `${address} is not allowed to this user: join the group docker`
          : `the connection to the docker daemon at ${address} failed: ${error.message}`;
    return new DockerError(0, why, { cause: error });
  }
}

function isReadable(body: unknown): body is Readable {
  return typeof (body as Readable | undefined)?.pipe === "function";
}

function queryText(query: DockerRequest["query"]): string {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
  if (given.length === 0) return "";
  return `?${new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)]))}`;
}

async function readWhole(answer: IncomingMessage, limit = longestAnswer): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) throw new DockerError(0, `the daemon's answer is longer than ${limit} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof DockerError) throw error;
    throw new DockerError(0, `the docker daemon's answer broke off: ${(error as Error).message}`, { cause: error });
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function errorOf(answer: IncomingMessage): Promise<DockerError> {
  const status = answer.statusCode ?? 0;
  const text = await readWhole(answer, 1 << 20).catch(() => "");
  let message = text.trim();
  try {
    message = (JSON.parse(text) as { message?: string }).message ?? message;
  } catch {
    // A proxy in between, or a panic: its text is all there is.
  }
  return new DockerError(status, message || `the docker daemon answered ${status}`);
}
