import { type Client, type ResourceRef, secretReflectors, secrets } from "@podwright/client";
import { isCode, type JsonObject, type KubeObject } from "@podwright/kube";
import { expect, vi } from "vitest";

export const wait = { timeout: 20_000, interval: 20 };

/** "token", or another name. */
export const secret = (
  namespace: string,
  data: Record<string, string>,
  more: JsonObject = {},
  name = "token",
): KubeObject =>
  ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace, ...(more["metadata"] as object) },
    stringData: data,
    ...(more["type"] === undefined ? {} : { type: more["type"] }),
    ...(more["immutable"] === undefined ? {} : { immutable: more["immutable"] }),
  }) as KubeObject;
/** "r": of the Secret "token", unless told otherwise. */
export const reflector = (namespace: string, spec: JsonObject): KubeObject => ({
  apiVersion: "k8s.kubit.ir/v1alpha1",
  kind: "SecretReflector",
  metadata: { name: "r", namespace },
  spec: { secret: { name: "token" }, ...spec },
});

/** What tests of reflectors do and look at; the client is asked for when it is needed. */
export function reflecting(client: () => Client) {
  const create = (ref: ResourceRef, object: KubeObject) => client().resource(ref).create(object);
  const merge = (ref: ResourceRef, name: string, namespace: string | undefined, patch: object) =>
    client().resource(ref).patch(name, namespace, patch, { type: "merge" });
  async function remove(ref: ResourceRef, name = "", namespace?: string): Promise<void> {
    await client().resource(ref).delete(name, namespace);
    await vi.waitFor(() => absent(ref, name, namespace), wait);
  }
  async function absent(ref: ResourceRef, name: string, namespace?: string): Promise<void> {
    const there = await client().resource(ref).get(name, namespace).catch(ignoreNotFound);
    expect(there).toBeUndefined();
  }
  /** The values of a Secret as text, or undefined when there is none. */
  async function values(namespace: string, name = "token"): Promise<Record<string, string> | undefined> {
    const found = await client().resource(secrets).get(name, namespace).catch(ignoreNotFound);
    if (found === undefined) return undefined;
    const data: [string, string][] = Object.entries(found["data"] ?? {});
    return Object.fromEntries(data.map(([key, value]) => [key, Buffer.from(value, "base64").toString()]));
  }
  const becomes = (namespace: string, expected: Record<string, string> | undefined, name?: string) =>
    vi.waitFor(async () => expect(await values(namespace, name)).toEqual(expected), wait);
  const status = (namespace: string, expected: JsonObject) =>
    vi.waitFor(async () => {
      const found = await client().resource(secretReflectors).get("r", namespace);
      expect(found["status"]).toMatchObject(expected);
      return found["status"];
    }, wait);
  return { create, merge, remove, absent, values, becomes, status };
}

export const ready = (isReady: boolean, reason: string) => ({
  conditions: expect.arrayContaining([
    expect.objectContaining({ type: "Ready", status: isReady ? "True" : "False", reason }),
  ]),
});

function ignoreNotFound(error: unknown): undefined {
  if (!isCode(error, 404)) throw error;
}
