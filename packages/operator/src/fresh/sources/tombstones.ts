/** What names meant that are gone: one that comes back with other content has replaced it. The oldest are forgotten. */
export class Tombstones {
  readonly #limit: number;
  readonly #ids = new Map<string, readonly string[]>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(name: string): readonly string[] | undefined {
    return this.#ids.get(name);
  }

  add(name: string, ids: readonly string[]): void {
    this.#ids.delete(name);
    this.#ids.set(name, ids);
    if (this.#ids.size <= this.#limit) return;
    const oldest = this.#ids.keys().next().value;
    if (oldest !== undefined) this.#ids.delete(oldest);
  }
}
