import { type CallOptions, type GrpcConnection, method } from "../connection.ts";
import { empty } from "../google.ts";
import { message, nested, repeatedMessages, string, stringMap, type ValueOfMessage } from "../message.ts";
import { inNamespace } from "../namespaced.ts";

const namespaceMessage = message({ name: string(1), labels: stringMap(2) });
export type Namespace = ValueOfMessage<typeof namespaceMessage>;

const one = message({ namespace: nested(1, namespaceMessage) });
const service = "/containerd.services.namespaces.v1.Namespaces/";
const methods = {
  list: method(
    `${service}List`,
    message({ filter: string(1) }),
    message({ namespaces: repeatedMessages(1, namespaceMessage) }),
  ),
  create: method(`${service}Create`, one, one),
  delete: method(`${service}Delete`, message({ name: string(1) }), empty),
};

/** containerd's own namespaces, which have nothing to do with Kubernetes'. All methods throw GrpcError. */
export function namespacesOf(connection: GrpcConnection) {
  return {
    async list(options?: CallOptions): Promise<Namespace[]> {
      return (await connection.unary(methods.list, {}, options)).namespaces;
    },
    async create(name: string, labels: Record<string, string> = {}, options?: CallOptions): Promise<void> {
      // Its events are published in a namespace, which must be told.
      await connection.unary(methods.create, { namespace: { name, labels } }, inNamespace(name)(options));
    },
    async delete(name: string, options?: CallOptions): Promise<void> {
      await connection.unary(methods.delete, { name }, inNamespace(name)(options));
    },
  };
}
