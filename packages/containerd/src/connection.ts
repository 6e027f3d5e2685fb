import grpc from "@grpc/grpc-js";
import { GrpcError, grpcCodes } from "./error.ts";
import type { Message } from "./message.ts";

/** A method of a gRPC service; the same for those that answer once and those that stream. */
export interface Method<Request, Response> {
  /** "/containerd.services.images.v1.Images/Get" */
  path: string;
  request: Message<Request>;
  response: Message<Response>;
}

export function method<Request, Response>(
  path: string,
  request: Message<Request>,
  response: Message<Response>,
): Method<Request, Response> {
  return { path, request, response };
}

export interface CallOptions {
  /** Headers: "containerd-namespace". */
  headers?: Readonly<Record<string, string>>;
  /** After so long the call fails with deadlineExceeded. Unary calls: 30 s; 0 is none. Streams: none. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** Both directions of a call at once. */
export interface DuplexCall<Request, Response> {
  /** Resolves when there is room for more. */
  send(request: Partial<Request>): Promise<void>;
  /** The next answer, or undefined when there will be no more. Rejects with GrpcError. */
  next(): Promise<Response | undefined>;
  /** Says that nothing more is sent. */
  end(): void;
  cancel(): void;
}

export interface ConnectionOptions {
  /** The path of a unix socket. */
  socket: string;
  /** The largest answer taken, in bytes. Default 16 MiB, as containerd's own client has it. */
  maxMessageBytes?: number;
}

const unaryTimeoutMs = 30_000;
const defaultMaxMessageBytes = 16 << 20;

/** A gRPC connection over a unix socket. It connects when it is used first, and again after it broke. */
export class GrpcConnection {
  readonly #client: grpc.Client;
  #closed = false;

  constructor({ socket, maxMessageBytes = defaultMaxMessageBytes }: ConnectionOptions) {
    this.#client = new grpc.Client(`unix:${socket}`, grpc.credentials.createInsecure(), {
      "grpc.max_receive_message_length": maxMessageBytes,
      "grpc.max_send_message_length": maxMessageBytes,
      // A daemon that restarts is back in a moment.
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.min_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 3_000,
      // Not shared between connections: closing one must end it.
      "grpc.use_local_subchannel_pool": 1,
      "grpc.default_authority": "localhost",
      "grpc.enable_http_proxy": 0,
    });
  }

  /** One request, one answer. Throws GrpcError. */
  unary<Request, Response>(
    { path, request, response }: Method<Request, Response>,
    value: Partial<Request>,
    options: CallOptions = {},
  ): Promise<Response> {
    const { timeoutMs = unaryTimeoutMs, signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(new GrpcError(grpcCodes.cancelled, path, "cancelled"));
      const cancel = () => call.cancel();
      const call = this.#client.makeUnaryRequest<Partial<Request>, Response>(
        path,
        request.encode,
        response.decode,
        value,
        metadataOf(options),
        deadlineOf(timeoutMs),
        (error, answer) => {
          signal?.removeEventListener("abort", cancel);
          if (error) reject(asGrpcError(error, path));
          else resolve(answer as Response);
        },
      );
      signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  /** One request, many answers, taken as they are read. Ends when the signal aborts. Throws GrpcError. */
  async *stream<Request, Response>(
    { path, request, response }: Method<Request, Response>,
    value: Partial<Request>,
    options: CallOptions = {},
  ): AsyncGenerator<Response, void, undefined> {
    const { signal } = options;
    if (signal?.aborted) return;
    const call = this.#client.makeServerStreamRequest<Partial<Request>, Response>(
      path,
      request.encode,
      response.decode,
      value,
      metadataOf(options),
      deadlineOf(options.timeoutMs ?? 0),
    );
    const cancel = () => call.cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      for await (const answer of call) yield answer as Response;
    } catch (error) {
      if (!signal?.aborted) throw asGrpcError(error, path);
    } finally {
      signal?.removeEventListener("abort", cancel);
      call.cancel();
      // A cancelled call tells so once more.
      call.on("error", () => {});
    }
  }

  /** Requests and answers at will. */
  duplex<Request, Response>(
    { path, request, response }: Method<Request, Response>,
    options: CallOptions = {},
  ): DuplexCall<Request, Response> {
    const call = this.#client.makeBidiStreamRequest<Partial<Request>, Response>(
      path,
      request.encode,
      response.decode,
      metadataOf(options),
      deadlineOf(options.timeoutMs ?? 0),
    );
    const cancel = () => call.cancel();
    options.signal?.addEventListener("abort", cancel, { once: true });
    call.on("error", () => {});
    call.once("close", () => options.signal?.removeEventListener("abort", cancel));
    const answers = call[Symbol.asyncIterator]();
    return {
      send: (value) =>
        new Promise((resolve, reject) => {
          if (call.destroyed) return reject(new GrpcError(grpcCodes.unavailable, path, "the call has ended"));
          if (call.write(value)) return resolve();
          const done = (act: () => void) => () => {
            call.off("drain", drained);
            call.off("close", closed);
            act();
          };
          const drained = done(resolve);
          const closed = done(() => reject(new GrpcError(grpcCodes.unavailable, path, "the call has ended")));
          call.once("drain", drained);
          call.once("close", closed);
        }),
      async next() {
        try {
          const { done, value } = await answers.next();
          return done ? undefined : (value as Response);
        } catch (error) {
          throw asGrpcError(error, path);
        }
      },
      end: () => void call.end(),
      cancel,
    };
  }

  /** Resolves when it is connected; throws GrpcError (unavailable) when it is not within the time. */
  ready(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.waitForReady(Date.now() + timeoutMs, (error) =>
        error ? reject(new GrpcError(grpcCodes.unavailable, "connect", error.message)) : resolve(),
      );
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Ends it with all that is under way. */
  close(): void {
    this.#closed = true;
    this.#client.close();
  }
}

function metadataOf({ headers = {} }: CallOptions): grpc.Metadata {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

function deadlineOf(timeoutMs: number): grpc.CallOptions {
  return timeoutMs === 0 ? {} : { deadline: Date.now() + timeoutMs };
}

function asGrpcError(error: unknown, path: string): Error {
  const { code, details, message } = error as Partial<grpc.ServiceError>;
  if (typeof code === "number") return new GrpcError(code, path, details || message || `code ${code}`);
  return error instanceof Error ? error : new Error(String(error));
}
