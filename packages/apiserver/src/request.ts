import type { Readable } from "node:stream";
import type { KubeObject } from "@podwright/kube";
import type { ProtobufEncoder } from "@podwright/kube/encode";
import type { Upgrade } from "@podwright/streaming";

/** A request on its way through the server, whatever brought it: HTTP (http.ts) or a caller in this process. */
export interface ApiRequest {
  method: string;
  /** Without the query. */
  path: string;
  query: URLSearchParams;
  /** As it came over the network, without the question mark. */
  rawQuery?: string;
  /** Names in lower case. */
  headers: Record<string, string | undefined>;
  /** Bytes from the network; a caller in this process may hand over the parsed object, which then belongs to the server. */
  body: Uint8Array | KubeObject | undefined;
  /** For proxies from the network: the body as it comes, in place of `body`. */
  incoming?: Readable;
  /** Of the client, where it came over the network. */
  remoteAddress?: string;
  /** Set for callers in this process, which need no authentication. */
  user?: UserInfo;
  /** The certificate the client proved, when there is one; "invalid": one that no authority of ours has signed. */
  clientCertificate?: { commonName: string; organizations: string[] } | "invalid";
  /** Aborts when the client has gone. */
  signal: AbortSignal;
}

export interface UserInfo {
  username: string;
  uid?: string;
  groups: string[];
  extra?: Record<string, string[]>;
}

export interface ApiResponse {
  status: number;
  headers: Record<string, string>;
  /** Set-Cookie headers, of proxied answers. */
  cookies?: string[];
  body: ResponseBody;
}

export type ResponseBody =
  /** Chunks of a complete body, sent one after the other. */
  | { type: "bytes"; chunks: (Buffer | string)[] }
  /** Chunks as they come, until it ends: logs. */
  | { type: "stream"; chunks: AsyncIterable<string | Uint8Array> }
  /** The connection becomes a WebSocket or SPDY, or the request is refused. Resolves at its end; does not reject. */
  | { type: "upgrade"; serve(upgrade: Upgrade): Promise<void> }
  | WatchBody;

/** A watch: frames until it ends. */
export interface WatchBody {
  type: "watch";
  frames: AsyncIterable<WatchFrame>;
  /** What writes them, when they are to be protobuf. */
  protobuf?: ProtobufEncoder;
}

/** One event of a watch. Encoded, and parsed, at most once for all its readers. */
export interface WatchFrame {
  type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  /** The line of JSON as sent, with its newline. */
  bytes(): Buffer;
  /** The protobuf as sent, with its length before it. */
  protobuf(encoder: ProtobufEncoder): Buffer;
  /** Shared: do not change it. */
  object(): KubeObject;
}
