import { namespaces } from "@podwright/client";
import { isCode } from "@podwright/kube";
import { HelmError } from "../helm/helm-error.ts";
import { releaseOf } from "../release/release-name.ts";
import type { PackState } from "./pack-state.ts";
import { targetOf } from "./perform.ts";
import { timeoutOf } from "./times.ts";
import type { PackTools } from "./tools.ts";

export const packFinalizer = "podwright.dev/pack";

/** Uninstalls what a Pack that is being deleted installed or adopted, then lets it go. The chart is not needed. */
export async function finalize(tools: PackTools, state: PackState, signal: AbortSignal): Promise<void> {
  const { pack } = state;
  const { finalizers = [], uid = "" } = pack.metadata;
  if (!finalizers.includes(packFinalizer)) return;
  const { name, namespace } = releaseOf(pack);
  const releases = new Map(tools.releases.ofPack(uid).map((each) => [`${each.namespace}/${each.name}`, each]));
  if (pack.status?.lastApplied !== undefined) releases.set(`${namespace}/${name}`, { namespace, name });
  for (const release of releases.values()) {
    const latest = tools.releases.latest(release.namespace, release.name);
    if (latest === undefined) continue;
    const owner = latest.packUid;
    if (owner !== undefined && owner !== uid && tools.packs.list().some((each) => each.metadata.uid === owner))
      continue;
    await state.write({
      conditions: [
        ["Ready", "False", "Uninstalling", `Uninstalling release ${release.name} from ${release.namespace}`],
      ],
    });
    await uninstallRelease(tools, state, release, signal);
  }
  await state.setFinalizers(finalizers.filter((finalizer) => finalizer !== packFinalizer)).catch((error: unknown) => {
    if (!isCode(error, 404)) throw error;
  });
  tools.recorder.event(pack, "Normal", "Uninstalled", `Release ${name} is uninstalled`);
}

/** Uninstalls a release of the Pack; what fails is told in its status and thrown. */
export async function uninstallRelease(
  tools: PackTools,
  state: PackState,
  release: { namespace: string; name: string },
  signal: AbortSignal,
): Promise<void> {
  const { pack } = state;
  const target = { ...targetOf(pack), release: release.name, namespace: release.namespace };
  // In a namespace that goes no hook can run, and everything in it goes anyhow.
  const going = await isGoing(tools, release.namespace);
  // A service account that is gone with its namespace can do nothing.
  if (going) delete target.user;
  try {
    await tools.slots.run(() =>
      tools.helm.uninstall(target, { timeoutMs: timeoutOf(pack), wait: !going, disableHooks: going, signal }),
    );
  } catch (error) {
    await tools.releases.settled(release.namespace, release.name);
    if (tools.releases.latest(release.namespace, release.name) === undefined) return;
    if (error instanceof HelmError && !error.aborted) {
      const message = `Uninstalling release ${release.name} failed: ${error.message}`;
      await state.write({ conditions: [["Ready", "False", "UninstallFailed", message]] });
      tools.recorder.event(pack, "Warning", "UninstallFailed", message);
    }
    throw error;
  }
  await tools.releases.settled(release.namespace, release.name);
}

async function isGoing(tools: PackTools, namespace: string): Promise<boolean> {
  try {
    return (await tools.client.resource(namespaces).get(namespace)).metadata.deletionTimestamp !== undefined;
  } catch (error) {
    if (isCode(error, 404)) return true;
    throw error;
  }
}
