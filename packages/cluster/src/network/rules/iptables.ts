/** Our chains in the machine's iptables, kept as they are wanted. Only what changes is written. */
import type { HostCommands } from "../host-commands.ts";
import { difference, type Jump, jumpsInPlace, type RuleSet, removal } from "./rule-set.ts";

// Another program may hold the lock for a moment.
const restore = ["iptables-restore", "--noflush", "--wait", "10"];
const nothing: RuleSet = new Map();

export class Iptables {
  readonly #commands: HostCommands;
  readonly #prefix: string;
  /** What is known to be there; undefined: not known. */
  #present: RuleSet | undefined;
  #jumps: readonly Jump[] = [];

  /** @param prefix of all chains of this cluster, and of no others. */
  constructor(commands: HostCommands, prefix: string) {
    this.#commands = commands;
    this.#prefix = prefix;
  }

  /** Makes the chains be so, and the ways into them. What an earlier run of this cluster left goes away first. */
  async apply(wanted: RuleSet, jumps: readonly Jump[]): Promise<void> {
    const known = this.#present;
    const sameJumps = known !== undefined && JSON.stringify(jumps) === JSON.stringify(this.#jumps);
    this.#present = undefined;
    if (sameJumps) await this.#restore(difference(known, wanted));
    else {
      await this.remove();
      await this.#restore(difference(nothing, wanted, jumps));
    }
    this.#present = wanted;
    this.#jumps = jumps;
  }

  /** Next time everything is written anew, if somebody else took our ways in away or went before them. */
  async check(): Promise<void> {
    const { stdout } = await this.#commands.run(["iptables-save"]);
    if (!jumpsInPlace(stdout, this.#jumps)) this.#present = undefined;
  }

  /** Takes away every chain of this cluster and the ways into them. */
  async remove(): Promise<void> {
    this.#present = undefined;
    for (let triesLeft = 3; ; triesLeft--) {
      const { stdout } = await this.#commands.run(["iptables-save"]);
      try {
        await this.#restore(removal(stdout, this.#prefix));
        return;
      } catch (error) {
        // A command of a run that was killed may have gone on and changed what was told.
        if (triesLeft === 0) throw error;
      }
    }
  }

  async #restore(input: string): Promise<void> {
    if (input !== "") await this.#commands.run(restore, input);
  }
}
