import { objectKey } from "@podwright/client";
import { userOf } from "../controller/acting-clients.ts";
import type { PackState } from "../controller/pack-state.ts";
import { intervalOf } from "../controller/times.ts";
import type { PackTools } from "../controller/tools.ts";
import { resourceOf } from "../plan/plan.ts";
import type { Revision } from "../release/release-index.ts";
import { releaseOf } from "../release/release-name.ts";
import { checkDrift } from "./check.ts";
import { DriftWatches, type WatchedObject } from "./drift-watches.ts";

/** Changes that come together are looked at together. */
const gatherMs = 100;
/** From one correction to the next, at least; doubles while others keep changing what was put right. */
const correctionMs = 1_000;

interface Known {
  /** Of the Pack and its release, when it was looked at. */
  state: string;
  at: number;
  changed: boolean;
  corrections: number;
  correctedAt: number;
}

/** Knows when to look for drift: after a change of the Pack or its release, of one of its objects, and at the interval. */
export class DriftKeeper {
  readonly #tools: PackTools;
  readonly #watches: DriftWatches;
  readonly #known = new Map<string, Known>();

  /** @param look is told of Packs that should come to {@link look} after a time */
  constructor(tools: PackTools, look: (pack: string, afterMs: number) => void) {
    this.#tools = tools;
    this.#watches = new DriftWatches({
      clock: tools.clock,
      logger: tools.logger,
      changed: (pack) => {
        const known = this.#known.get(pack);
        if (known === undefined || known.changed) return;
        known.changed = true;
        look(pack, gatherMs);
      },
    });
  }

  /** Looks at a Pack whose release is as wanted, if there is reason to; gives the time until it should come again. */
  async look(state: PackState, latest: Revision): Promise<number | undefined> {
    const { pack } = state;
    const key = objectKey(pack);
    const mode = pack.spec.driftDetection?.mode ?? "off";
    if (mode === "off") {
      await this.forget(key);
      await state.write({ without: ["Drifted"] });
      return undefined;
    }
    const { clock } = this.#tools;
    const now = clock.now();
    const text = `${pack.metadata.uid} ${pack.metadata.generation} ${latest.secretName} ${latest.resourceVersion}`;
    let known = this.#known.get(key);
    if (known?.state !== text) {
      // Before the look: what changes after it is told.
      known = { state: text, at: 0, changed: true, corrections: 0, correctedAt: 0 };
      this.#known.set(key, known);
      await this.#watches.watch(key, this.#tools.acting.of(pack), userOf(pack), await this.#objects(state));
    }
    if (!known.changed && now < known.at + intervalOf(pack) * 0.9) return undefined;
    const wait = known.correctedAt + correctionMs * 2 ** known.corrections - now;
    if (mode === "correct" && known.corrections > 0 && wait > 0) return wait;
    known.changed = false;
    known.at = now;
    const corrected = await checkDrift(this.#tools, state, latest);
    if (corrected) {
      known.corrections = Math.min(known.corrections + 1, 8);
      known.correctedAt = clock.now();
    } else if (now > known.correctedAt + intervalOf(pack)) known.corrections = 0;
    return undefined;
  }

  /** Nothing more is watched for the Pack. */
  async forget(key: string): Promise<void> {
    this.#known.delete(key);
    await this.#watches.unwatch(key);
  }

  stop(): Promise<void> {
    return this.#watches.stop();
  }

  async #objects(state: PackState): Promise<WatchedObject[]> {
    const { pack } = state;
    const client = this.#tools.acting.of(pack);
    const home = releaseOf(pack).namespace;
    const found = await Promise.all(
      (state.status.inventory ?? []).map(async ({ apiVersion, kind, name, namespace }) => {
        const ref = await resourceOf(client, { apiVersion, kind });
        return ref === undefined ? [] : [{ ref, name, ...(ref.namespaced ? { namespace: namespace ?? home } : {}) }];
      }),
    );
    return found.flat();
  }
}
