import { customResourceDefinitions, type ResourceClient } from "@podwright/client";
import { isCode, type KubeObject, StatusError } from "@podwright/kube";
import type { ResolvedChart } from "../charts/chart-source.ts";
import { HelmError } from "../helm/helm-error.ts";
import type { CrdPolicy, Pack } from "../pack.ts";
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
  try {
    await put(tools.acting.of(pack).resource(customResourceDefinitions), await parseManifest(text), policy);
  } catch (error) {
    // Refused: an attempt that failed, as one of helm's.
    if (!(error instanceof StatusError) || error.code >= 500) throw error;
    throw new HelmError(action, `the chart's CustomResourceDefinitions: ${error.message}`);
  }
}

async function put(resource: ResourceClient, objects: readonly KubeObject[], policy: CrdPolicy | undefined) {
  for (const crd of objects) {
    if (crd.kind !== "CustomResourceDefinition") continue;
    try {
      await resource.create(crd);
    } catch (error) {
      if (!isCode(error, 409)) throw error;
      if (policy === "CreateReplace") {
        await resource.patch(crd.metadata.name ?? "", undefined, crd, { type: "merge" });
      }
    }
  }
}
