import { type Client, type Clock, type Informer, packs } from "@podwright/client";
import { canonicalJson, type JsonObject } from "@podwright/kube";
import type { Condition } from "../../conditions.ts";
import type { Pack, PackStatus } from "../pack.ts";
import { withCondition, withoutCondition } from "./conditions.ts";

/** What was last written of each Pack, until the informer shows it: no decision is made on an older state. */
export class PackStates {
  readonly #client: Client;
  readonly #informer: Informer<Pack>;
  readonly #clock: Clock;
  readonly #written = new Map<string, Pack>();

  constructor(client: Client, informer: Informer<Pack>, clock: Clock) {
    this.#client = client;
    this.#informer = informer;
    this.#clock = clock;
  }

  /** The Pack as it is; undefined when there is none. */
  open(key: string): PackState | undefined {
    const shown = this.#informer.getByKey(key);
    if (shown === undefined) {
      this.#written.delete(key);
      return undefined;
    }
    const written = this.#written.get(key);
    if (written === undefined) return this.#state(key, shown);
    if (written.metadata.uid === shown.metadata.uid && isNewer(written, shown)) return this.#state(key, written);
    this.#written.delete(key);
    return this.#state(key, shown);
  }

  #state(key: string, pack: Pack): PackState {
    return new PackState(this.#client, pack, this.#clock, (written) => this.#written.set(key, written));
  }
}

/** A Pack under work, always with its newest status. */
export class PackState {
  pack: Pack;
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #wrote: (pack: Pack) => void;

  constructor(client: Client, pack: Pack, clock: Clock, wrote: (pack: Pack) => void) {
    this.pack = pack;
    this.#client = client;
    this.#clock = clock;
    this.#wrote = wrote;
  }

  get status(): PackStatus {
    return this.pack.status ?? {};
  }

  /** Writes what differs; nothing when nothing does. Fields given as undefined go. */
  async write(change: StatusChange): Promise<void> {
    const { name, namespace, generation } = this.pack.metadata;
    let conditions = this.status.conditions ?? [];
    for (const type of change.without ?? []) conditions = withoutCondition(conditions, type);
    for (const condition of change.conditions ?? []) {
      const [type, status, reason, message] = condition;
      conditions = withCondition(conditions, { type, status, reason, message }, generation, this.#clock.now());
    }
    const wanted: Record<string, unknown> = {
      ...change.fields,
      conditions,
      ...(generation !== undefined && change.aside !== true ? { observedGeneration: generation } : {}),
    };
    const patch: Record<string, unknown> = {};
    for (const [field, value] of Object.entries(wanted)) {
      const old = (this.status as Record<string, unknown>)[field];
      if (same(old, value)) continue;
      // A merge patch would keep keys of an object that are no more.
      patch[field] = value === undefined ? null : isRecord(old) && isRecord(value) ? replacing(old, value) : value;
    }
    if (Object.keys(patch).length === 0) return;
    this.#remember(
      await this.#client
        .resource<Pack>(packs)
        .patch(name ?? "", namespace, { status: patch }, { type: "merge", subresource: "status" }),
    );
  }

  /** Sets the finalizers; of this very state of the Pack. */
  async setFinalizers(finalizers: string[]): Promise<void> {
    const { name, namespace, resourceVersion } = this.pack.metadata;
    this.#remember(
      await this.#client
        .resource<Pack>(packs)
        .patch(name ?? "", namespace, { metadata: { finalizers, resourceVersion } }, { type: "merge" }),
    );
  }

  #remember(pack: Pack): void {
    this.pack = pack;
    this.#wrote(pack);
  }
}

export interface StatusChange {
  /** Says nothing about what the Pack asks for now: observedGeneration stays. */
  aside?: boolean;
  conditions?: [type: string, status: Condition["status"], reason: string, message: string][];
  /** Types that go. */
  without?: string[];
  fields?: { [Field in keyof PackStatus]?: PackStatus[Field] | undefined };
}

function replacing(old: Record<string, unknown>, value: Record<string, unknown>): Record<string, unknown> {
  const gone = Object.keys(old).filter((key) => !(key in value));
  return { ...Object.fromEntries(gone.map((key) => [key, null])), ...value };
}

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return canonicalJson({ a: a } as JsonObject) === canonicalJson({ a: b } as JsonObject);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNewer(a: Pack, b: Pack): boolean {
  return BigInt(a.metadata.resourceVersion ?? "0") > BigInt(b.metadata.resourceVersion ?? "0");
}
