import { type CallOptions, type GrpcConnection, method } from "../connection.ts";
import { grpcCodes, isGrpcCode } from "../error.ts";
import { empty, fieldMask, timestamp } from "../google.ts";
import {
  bytes,
  int32,
  int64,
  message,
  nested,
  repeated,
  repeatedMessages,
  string,
  stringMap,
  type ValueOfMessage,
} from "../message.ts";
import { inNamespace } from "../namespaced.ts";

/** A blob of the content store. */
const contentInfo = message({
  digest: string(1),
  size: int64(2),
  createdAt: nested(3, timestamp),
  updatedAt: nested(4, timestamp),
  /** "containerd.io/gc.ref.content.0": the digest of a blob that lives as long as this one. */
  labels: stringMap(5),
});
export type ContentInfo = ValueOfMessage<typeof contentInfo>;

const oneInfo = message({ info: nested(1, contentInfo) });
const actions = { stat: 0, write: 1, commit: 2 } as const;
const writeRequest = message({
  action: int32(1),
  ref: string(2),
  total: int64(3),
  expected: string(4),
  offset: int64(5),
  data: bytes(6),
  labels: stringMap(7),
});
const writeResponse = message({ action: int32(1), offset: int64(4), total: int64(5), digest: string(6) });

const service = "/containerd.services.content.v1.Content/";
const methods = {
  info: method(`${service}Info`, message({ digest: string(1) }), oneInfo),
  update: method(`${service}Update`, message({ info: nested(1, contentInfo), mask: nested(2, fieldMask) }), oneInfo),
  list: method(
    `${service}List`,
    message({ filters: repeated(1, "string") }),
    message({ info: repeatedMessages(1, contentInfo) }),
  ),
  read: method(
    `${service}Read`,
    message({ digest: string(1), offset: int64(2), size: int64(3) }),
    message({ offset: int64(1), data: bytes(2) }),
  ),
  write: method(`${service}Write`, writeRequest, writeResponse),
  abort: method(`${service}Abort`, message({ ref: string(1) }), empty),
  delete: method(`${service}Delete`, message({ digest: string(1) }), empty),
};

/** What is sent at a time; containerd takes up to 16 MiB. */
const chunkBytes = 1 << 20;

/** A blob to be written: its digest and size are checked when it is complete. */
export interface Blob {
  digest: string;
  size: number;
  labels?: Record<string, string>;
}

/** The content store of a containerd namespace. All methods throw GrpcError. */
export function contentOf(connection: GrpcConnection, namespace: string) {
  const within = inNamespace(namespace);
  return {
    /** Undefined when it is not there. */
    async info(digest: string, options?: CallOptions): Promise<ContentInfo | undefined> {
      try {
        return (await connection.unary(methods.info, { digest }, within(options))).info;
      } catch (error) {
        if (isGrpcCode(error, grpcCodes.notFound)) return undefined;
        throw error;
      }
    },
    /** All there is, as the server sends it. */
    async *list(filters: string[] = [], options?: CallOptions): AsyncGenerator<ContentInfo, void, undefined> {
      for await (const { info } of connection.stream(methods.list, { filters }, within(options))) yield* info;
    },
    async *read(digest: string, options?: CallOptions): AsyncGenerator<Buffer, void, undefined> {
      for await (const { data } of connection.stream(methods.read, { digest }, within(options))) yield data;
    },
    /** The whole of a small one: a manifest, a configuration. Throws when it is larger than `limit`. */
    async readAll(digest: string, limit = 4 << 20, options?: CallOptions): Promise<Buffer> {
      const parts: Buffer[] = [];
      let length = 0;
      for await (const { data } of connection.stream(methods.read, { digest }, within(options))) {
        length += data.length;
        if (length > limit) throw new Error(`${digest} is larger than ${limit} bytes`);
        parts.push(data);
      }
      return Buffer.concat(parts);
    },
    async setLabels(digest: string, labels: Record<string, string>, options?: CallOptions): Promise<void> {
      const paths = Object.keys(labels).map((key) => `labels.${key}`);
      const info = { digest, labels } as ContentInfo;
      await connection.unary(methods.update, { info, mask: { paths } }, within(options));
    },
    /**
     * Writes a blob that is not there; gives the bytes that were sent, 0 when it was there. One that was left half
     * written is begun anew.
     */
    async write(
      blob: Blob,
      data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
      options?: CallOptions,
    ): Promise<number> {
      const ref = `podwright-${blob.digest}`;
      const call = connection.duplex(methods.write, within(options));
      const labels = blob.labels === undefined ? {} : { labels: blob.labels };
      try {
        let offset = 0;
        for await (const part of data) {
          for (let at = 0; at < part.length; at += chunkBytes) {
            const chunk = Buffer.from(part.subarray(at, at + chunkBytes));
            const about = { ref, total: blob.size, expected: blob.digest };
            await call.send({ action: actions.write, ...about, offset, data: chunk });
            await call.next();
            offset += chunk.length;
          }
        }
        const about = { ref, total: blob.size, expected: blob.digest, offset };
        await call.send({ action: actions.commit, ...about, ...labels });
        await call.next();
        call.end();
        return offset;
      } catch (error) {
        if (isGrpcCode(error, grpcCodes.alreadyExists)) return 0;
        throw error;
      } finally {
        call.cancel();
      }
    },
    async delete(digest: string, options?: CallOptions): Promise<void> {
      await connection.unary(methods.delete, { digest }, within(options));
    },
  };
}
