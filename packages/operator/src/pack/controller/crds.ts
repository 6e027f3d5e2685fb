import { customResourceDefinitions } from "@podwright/client";
import { StatusError } from "@podwright/kube";
import type { ResolvedChart } from "../charts/chart-source.ts";
import type { Pack } from "../pack.ts";
import { parseManifest } from "../release/manifest.ts";
import { targetOf } from "./perform.ts";
import type { PackTools } from "./tools.ts";

/** Puts in the CustomResourceDefinitions of a chart's crds folder where helm would not: on upgrade, or to replace them. */
export async function putCrds(
  tools: PackTools,
  pack: Pack,
  chart: ResolvedChart,
  action: "install" | "upgrade",
  signal: AbortSignal,
): Promise<void> {
  const policy = pack.spec[action]?.crds;
  // helm install creates them itself.
  if (policy !== "CreateReplace" && action === "install") return;
  const text = await tools.helm.crds(targetOf(pack), chart.path, { signal });
  const resource = tools.client.resource(customResourceDefinitions);
  for (const crd of await parseManifest(text)) {
    if (crd.kind !== "CustomResourceDefinition") continue;
    try {
      await resource.create(crd);
    } catch (error) {
      if (!(error instanceof StatusError && error.code === 409)) throw error;
      if (policy === "CreateReplace") {
        await resource.patch(crd.metadata.name ?? "", undefined, crd, { type: "merge" });
      }
    }
  }
}
