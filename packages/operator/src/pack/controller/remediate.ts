import { HelmError } from "../helm/helm-error.ts";
import { releaseOf } from "../release/release-name.ts";
import type { PackState } from "./pack-state.ts";
import { targetOf, unlockOwn } from "./perform.ts";
import { timeoutOf } from "./times.ts";
import type { PackTools } from "./tools.ts";

/** Does what the Pack wants after a failed attempt: back to the last good revision, away with the release, or nothing. */
export async function remediate(
  tools: PackTools,
  state: PackState,
  action: "install" | "upgrade",
  signal: AbortSignal,
): Promise<void> {
  const { pack } = state;
  const remediation = pack.spec[action]?.remediation ?? "none";
  if (remediation === "none") return;
  const target = targetOf(pack);
  const { name, namespace } = releaseOf(pack);
  const revisions = tools.releases.history(namespace, name);
  if (revisions.length === 0) return;
  const timeoutMs = timeoutOf(pack);
  const good = revisions.find(({ status }) => status === "deployed" || status === "superseded");
  let done: string;
  try {
    if (remediation === "rollback") {
      if (good === undefined) return;
      await tools.slots.run(() =>
        tools.helm.rollback(target, {
          revision: good.revision,
          timeoutMs,
          wait: pack.spec.upgrade?.wait ?? true,
          maxHistory: pack.spec.maxHistory ?? 10,
          signal,
        }),
      );
      done = `Rolled back to revision ${good.revision}`;
    } else {
      await tools.slots.run(() => tools.helm.uninstall(target, { timeoutMs, wait: true, signal }));
      done = "Uninstalled the failed release";
    }
  } catch (error) {
    await tools.releases.settled(namespace, name);
    await unlockOwn(tools, pack, target);
    if (!(error instanceof HelmError) || error.aborted) throw error;
    const message = `After the failure, the ${remediation} failed, too: ${error.message}`;
    await state.write({ conditions: [["Remediated", "False", "RemediationFailed", message]] });
    tools.recorder.event(pack, "Warning", "RemediationFailed", message);
    return;
  }
  await tools.releases.settled(namespace, name);
  const reason = remediation === "rollback" ? "RolledBack" : "Uninstalled";
  await state.write({ conditions: [["Remediated", "True", reason, done]] });
  tools.recorder.event(pack, "Normal", reason, done);
}
