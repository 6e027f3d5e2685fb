import { type CallOptions, type GrpcConnection, method } from "../connection.ts";
import { empty, timestamp } from "../google.ts";
import { bool, message, nested, repeatedMessages, string, stringMap, type ValueOfMessage } from "../message.ts";
import { inNamespace } from "../namespaced.ts";

const leaseMessage = message({ id: string(1), createdAt: nested(2, timestamp), labels: stringMap(3) });
export type Lease = ValueOfMessage<typeof leaseMessage>;

const resource = message({ id: string(1), type: string(2) });
const service = "/containerd.services.leases.v1.Leases/";
const methods = {
  create: method(
    `${service}Create`,
    message({ id: string(1), labels: stringMap(3) }),
    message({ lease: nested(1, leaseMessage) }),
  ),
  delete: method(`${service}Delete`, message({ id: string(1), sync: bool(2) }), empty),
  list: method(`${service}List`, message({}), message({ leases: repeatedMessages(1, leaseMessage) })),
  addResource: method(`${service}AddResource`, message({ id: string(1), resource: nested(2, resource) }), empty),
};

/** Leases keep what is being written from being collected. All methods throw GrpcError. */
export function leasesOf(connection: GrpcConnection, namespace: string) {
  const within = inNamespace(namespace);
  return {
    /** After `expiresAt` (milliseconds since 1970) it counts no more, should we never come to delete it. */
    async create(id: string, expiresAt: number, options?: CallOptions): Promise<void> {
      const labels = { "containerd.io/gc.expire": new Date(expiresAt).toISOString() };
      await connection.unary(methods.create, { id, labels }, within(options));
    },
    async delete(id: string, { sync = false, ...options }: CallOptions & { sync?: boolean } = {}): Promise<void> {
      await connection.unary(methods.delete, { id, sync }, within(options));
    },
    async list(options?: CallOptions): Promise<Lease[]> {
      return (await connection.unary(methods.list, {}, within(options))).leases;
    },
    /** `type`: "content", "snapshots/overlayfs"; `key`: the digest, the snapshot's key. */
    async add(id: string, type: string, key: string, options?: CallOptions): Promise<void> {
      await connection.unary(methods.addResource, { id, resource: { id: key, type } }, within(options));
    },
  };
}
