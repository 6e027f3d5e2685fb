import { caBundle, webhookUrl } from "../../admission/cases.ts";
import { definition, type Json, text, whole } from "../requests.ts";

const spec = (field: string): Json => ({
  openAPIV3Schema: {
    type: "object",
    properties: {
      spec: {
        type: "object",
        properties: { [field]: whole, note: text, replicas: whole, list: { type: "array", items: text } },
      },
      status: { type: "object", properties: { [field]: whole } },
    },
  },
});

/**
 * A definition of two versions, v1 stored: what v1 calls size is capacity in v2. A webhook converts.
 *
 * @param path of the webhook, or its whole URL
 */
export function twoVersions(group: string, path: string, rest: Json = {}, conversion: Json = {}): Json {
  const subresources = {
    status: {},
    scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
  };
  const column = (field: string) => [{ name: "Size", type: "integer", jsonPath: `.spec.${field}` }];
  const version = { served: true, subresources, ...rest };
  const url = path.startsWith("https:") ? path : `${webhookUrl}/${path}`;
  return definition(
    group,
    {},
    {},
    {
      versions: [
        { ...version, name: "v1", storage: true, schema: spec("size"), additionalPrinterColumns: column("size") },
        {
          ...version,
          name: "v2",
          storage: false,
          schema: spec("capacity"),
          additionalPrinterColumns: column("capacity"),
        },
      ],
      conversion: {
        strategy: "Webhook",
        webhook: { clientConfig: { url, caBundle }, conversionReviewVersions: ["v1", "v1beta1"], ...conversion },
      },
    },
  );
}
