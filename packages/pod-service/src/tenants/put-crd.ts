import { type Client, customResourceDefinitions, untilEstablished } from "@podwright/client";
import { isCode } from "@podwright/kube/status";
import { tenantCrd } from "./crd.ts";

/** Puts the Tenant CustomResourceDefinition into the cluster; one that may not is content when it is there. */
export async function putTenantCrd(client: Client): Promise<void> {
  const crd = tenantCrd();
  const name = crd.metadata.name as string;
  const options = { type: "apply", fieldManager: "podwright-pod-service", force: true } as const;
  try {
    await client.resource(customResourceDefinitions).patch(name, undefined, crd, options);
  } catch (error) {
    if (!isCode(error, 403)) throw error;
  }
  await untilEstablished(client, name);
}
