import { DockerError } from "@podwright/docker";

/** The kubelet's score for pause containers: a pod is the last that is to lose its own. */
const sandboxScore = -998;

/**
 * Which OOM scores the daemon may give: one without CAP_SYS_RESOURCE cannot go below its own, and its containers do
 * not start then. Found out with the first pause container.
 */
export class OomScores {
  #lowest: number | undefined;

  /** The score that containers get in place of the wanted one. */
  allowed(wanted: number): number {
    return Math.max(wanted, this.#lowest ?? -1000);
  }

  /** Starts a pause container with its score; where that is refused, without, as is everything from then on. */
  async startSandbox<T>(start: (score: number) => Promise<T>): Promise<T> {
    if (this.#lowest !== undefined) return start(this.allowed(sandboxScore));
    try {
      const started = await start(sandboxScore);
      this.#lowest ??= -1000;
      return started;
    } catch (error) {
      if (!(error instanceof DockerError) || !error.message.includes("OCI runtime create failed")) throw error;
      const started = await start(0);
      this.#lowest = 0;
      return started;
    }
  }
}
