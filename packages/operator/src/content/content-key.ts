import { randomBytes } from "node:crypto";
import { type Client, secrets } from "@podwright/client";
import { isCode, type KubeObject } from "@podwright/kube";

/** Where the key is kept: one for the cluster, wherever its operator runs. */
const contentKeySecret = { namespace: "kube-system", name: "podwright-content-key" } as const;

const keyBytes = 32;
const dataKey = "key";

/**
 * The key that contents are hashed with. Kept in a Secret, so that hashes on workloads outlive the operator; made
 * when it is not there. Who deletes it has the next start of the operator record all workloads anew, which restarts
 * none. Throws StatusError when the Secret can be neither read nor made.
 */
export async function contentKey(client: Client): Promise<Uint8Array> {
  const resource = client.resource(secrets);
  const { namespace, name } = contentKeySecret;
  try {
    return keyOf(await resource.get(name, namespace));
  } catch (error) {
    if (!isCode(error, 404)) throw error;
  }
  const object: KubeObject = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace, labels: { "app.kubernetes.io/managed-by": "podwright" } },
    type: "Opaque",
    immutable: true,
    data: { [dataKey]: randomBytes(keyBytes).toString("base64") },
  };
  try {
    return keyOf(await resource.create(object));
  } catch (error) {
    // Another replica was faster: its key is the one.
    if (!isCode(error, 409)) throw error;
    return keyOf(await resource.get(name, namespace));
  }
}

function keyOf(secret: KubeObject): Uint8Array {
  const key = Buffer.from(secret["data"]?.[dataKey] ?? "", "base64");
  if (key.length >= keyBytes) return key;
  const { namespace, name } = contentKeySecret;
  throw new Error(
    `the Secret ${namespace}/${name} holds no key of ${keyBytes} bytes under "${dataKey}": delete it, and it is made anew`,
  );
}
