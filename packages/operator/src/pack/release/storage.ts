import { type Client, secrets } from "@podwright/client";
import { isCode } from "@podwright/kube";
import { type HelmRelease, readRelease, releaseData } from "./release.ts";
import type { Revision } from "./release-index.ts";

/** The content of a revision; undefined when it is gone. */
export async function fetchRelease(client: Client, revision: Revision): Promise<HelmRelease | undefined> {
  try {
    return readRelease(await client.resource(secrets).get(revision.secretName, revision.namespace));
  } catch (error) {
    if (isCode(error, 404)) return undefined;
    throw error;
  }
}

/**
 * Marks a revision that a helm process left pending as failed, so that helm works on the release again. Nothing
 * happens when it is not as it was seen. Behaviour: github.com/fluxcd/helm-controller internal/reconcile/unlock.go.
 */
export async function unlockRelease(client: Client, revision: Revision): Promise<void> {
  const resource = client.resource(secrets);
  try {
    const secret = await resource.get(revision.secretName, revision.namespace);
    const release = readRelease(secret);
    if (!release.info.status.startsWith("pending-")) return;
    const description = `Unlocked: helm ended while the release was ${release.info.status}`;
    const unlocked = { ...release, info: { ...release.info, status: "failed", description } };
    await resource.update({
      ...secret,
      metadata: { ...secret.metadata, labels: { ...secret.metadata.labels, status: "failed" } },
      data: { ...secret["data"], release: releaseData(unlocked) },
    });
  } catch (error) {
    // Somebody else was faster: an event tells of it.
    if (!isCode(error, 404, 409)) throw error;
  }
}
