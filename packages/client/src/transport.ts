import type { KubeObject } from "@podwright/kube";
import type { ObjectVersion } from "@podwright/kube/watch-event";

/**
 * How requests get to an API server: over HTTP (http-transport.ts), or straight into one in the same
 * process (packages/cluster). Everything else of the client is built on this.
 */
export interface Transport {
  /** Sends one request; resolves when the answer's headers are there. Rejects when no answer came (network) or the signal aborted. */
  request(request: TransportRequest): Promise<TransportResponse>;
  /** Ends all connections. */
  close(): Promise<void>;
}

export interface TransportRequest {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path with query, e.g. "/api/v1/pods?watch=1". */
  path: string;
  headers?: Record<string, string>;
  /** A JSON value to send, or text or bytes as they are. */
  body?: object | string | Uint8Array;
  signal?: AbortSignal;
}

export interface TransportResponse {
  status: number;
  headers: Record<string, string | undefined>;
  /** The whole body parsed as JSON; objects may be shared with other readers: do not change them. */
  json(): Promise<unknown>;
  text(): Promise<string>;
  /** The body as it comes, for logs that are followed; ends when the server ends it, throws when the connection breaks. */
  chunks(): AsyncIterable<Uint8Array>;
  /** A watch's events as they come; ends when the server ends the stream, throws when the connection breaks. */
  events(options?: EventOptions): AsyncIterable<WatchEvent>;
}

/** Gives the object of a version, where there is one. */
export type HeldObjects = (version: ObjectVersion) => KubeObject | undefined;

export interface EventOptions {
  /** false: nobody looks at metadata.managedFields, which may be there or not. To read them takes a third of the time of an object. */
  managedFields?: boolean;
  /** What is in memory of that very version: events that are not read yet show it instead of another copy. */
  held?: HeldObjects | undefined;
}

export interface WatchEvent<T extends KubeObject = KubeObject> {
  type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  /** Shared with other watchers in this process: do not change it. With type ERROR it is a Status. */
  object: T;
}
