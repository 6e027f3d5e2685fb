/** The probes of one run of a container (k8s.io/kubernetes/pkg/kubelet/prober/worker.go). */
import type { Timer } from "@podwright/client";
import { messageOf } from "@podwright/kube";
import type { Probe } from "../../kinds.ts";
import { type ProbedContainer, runProbe } from "./run-probe.ts";

export interface ProbeListener {
  /** It has started: its startup probe succeeded. */
  started(): void;
  ready(isReady: boolean): void;
  /** It is to be ended. */
  failed(kind: "startup" | "liveness"): void;
  event(type: "Warning", reason: string, message: string): void;
}

type Kind = "startup" | "liveness" | "readiness";
const titles: Record<Kind, string> = { startup: "Startup", liveness: "Liveness", readiness: "Readiness" };

/** A program that has just been started gets this long before it is first asked anything. */
const settleMs = 500;
const probeAttempts = 3;

export class ContainerProbes {
  readonly #target: ProbedContainer;
  readonly #startedAtMs: number;
  readonly #listener: ProbeListener;
  readonly #loops = new Set<ProbeLoop>();
  #stopped = false;

  constructor(target: ProbedContainer, startedAtMs: number, listener: ProbeListener) {
    this.#target = target;
    this.#startedAtMs = startedAtMs;
    this.#listener = listener;
  }

  /** @param started the startup probe has succeeded before, in the time of another agent. */
  start(started = false): void {
    const { startupProbe } = this.#target.container;
    if (startupProbe === undefined || started) this.#begin();
    else {
      this.#loop("startup", startupProbe, (success) => {
        if (!success) return this.#listener.failed("startup");
        this.#listener.started();
        this.#begin();
      });
    }
  }

  #begin(): void {
    const { readinessProbe, livenessProbe } = this.#target.container;
    if (readinessProbe) this.#loop("readiness", readinessProbe, (success) => this.#listener.ready(success));
    if (livenessProbe) {
      this.#loop("liveness", livenessProbe, (success) => {
        if (!success) this.#listener.failed("liveness");
      });
    }
  }

  #loop(kind: Kind, spec: Probe, decided: (success: boolean) => void): void {
    if (this.#stopped) return;
    const loop: ProbeLoop = new ProbeLoop(kind, spec, this.#target, this.#startedAtMs, {
      event: (type, reason, message) => this.#listener.event(type, reason, message),
      decided: (success) => {
        if (kind === "startup" || (kind === "liveness" && !success)) this.#end(loop);
        decided(success);
      },
    });
    this.#loops.add(loop);
    loop.start();
  }

  #end(loop: ProbeLoop): void {
    loop.stop();
    this.#loops.delete(loop);
  }

  /** The pod is being deleted: only readiness is still of interest. */
  quiet(): void {
    for (const loop of this.#loops) if (loop.kind !== "readiness") this.#end(loop);
  }

  stop(): void {
    this.#stopped = true;
    for (const loop of this.#loops) this.#end(loop);
  }
}

interface LoopListener {
  event: ProbeListener["event"];
  /** So many in a row went the same way that it counts. */
  decided(success: boolean): void;
}

class ProbeLoop {
  readonly kind: Kind;
  readonly #spec: Probe;
  readonly #target: ProbedContainer;
  readonly #listener: LoopListener;
  readonly #firstAtMs: number;
  #timer: Timer | undefined;
  #stopped = false;
  #last: boolean | undefined;
  #inARow = 0;

  constructor(kind: Kind, spec: Probe, target: ProbedContainer, startedAtMs: number, listener: LoopListener) {
    this.kind = kind;
    this.#spec = spec;
    this.#target = target;
    this.#listener = listener;
    const delayMs = (spec.initialDelaySeconds ?? 0) * 1000;
    this.#firstAtMs = startedAtMs + Math.max(delayMs, target.runtime.runsPrograms ? settleMs : 0);
  }

  start(): void {
    // Nothing that is only pretended needs to be asked twice, or waited for.
    if (!this.#target.runtime.runsPrograms && this.#spec.exec === undefined) {
      if (this.#firstAtMs <= this.#target.clock.now()) this.#listener.decided(true);
      else this.#timer = this.#at(this.#firstAtMs, () => this.#listener.decided(true));
      return;
    }
    this.#schedule(Math.max(this.#firstAtMs, this.#target.clock.now()));
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #at(timeMs: number, fire: () => void): Timer {
    const { clock } = this.#target;
    return clock.after(Math.max(timeMs - clock.now(), 0), fire);
  }

  #schedule(dueMs: number): void {
    if (this.#stopped) return;
    this.#timer = this.#at(dueMs, () => {
      void this.#probe().then(() => {
        const periodMs = (this.#spec.periodSeconds ?? 10) * 1000;
        this.#schedule(Math.max(dueMs + periodMs, this.#target.clock.now()));
      });
    });
  }

  async #probe(): Promise<void> {
    const outcome = await this.#outcome();
    if (outcome === undefined || this.#stopped) return;
    const success = outcome.result !== "failure";
    const title = titles[this.kind];
    if (!success) this.#listener.event("Warning", "Unhealthy", `${title} probe failed: ${outcome.output}`);
    if (outcome.result === "warning") {
      this.#listener.event("Warning", "ProbeWarning", `${title} probe warning: ${outcome.output}`);
    }
    this.#inARow = success === this.#last ? this.#inARow + 1 : 1;
    this.#last = success;
    const { failureThreshold = 3, successThreshold = 1 } = this.#spec;
    if (this.#inARow < (success ? successThreshold : failureThreshold)) return;
    this.#listener.decided(success);
  }

  /** Undefined when it cannot be told: that counts for nothing. */
  async #outcome() {
    const timeoutMs = (this.#spec.timeoutSeconds ?? 1) * 1000;
    for (let attempt = 1; !this.#stopped; attempt++) {
      try {
        return await runProbe(this.#spec, this.#target, timeoutMs);
      } catch (error) {
        if (attempt < probeAttempts || this.#stopped) continue;
        const message = messageOf(error);
        const text = `${titles[this.kind]} probe errored and resulted in unknown state: ${message}`;
        this.#listener.event("Warning", "Unhealthy", text);
        return undefined;
      }
    }
    return undefined;
  }
}
