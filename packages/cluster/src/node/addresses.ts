/** IPv4 addresses of a range, handed out and taken back. */
export class AddressRange {
  readonly cidr: string;
  readonly #first: number;
  readonly #size: number;
  readonly #taken = new Set<number>();
  #next = 0;

  /** @param cidr e.g. "10.244.3.0/24": its first two addresses and its last are not handed out. */
  constructor(cidr: string) {
    const [base = "", prefix = ""] = cidr.split("/");
    this.cidr = cidr;
    this.#first = toNumber(base) + 2;
    this.#size = 2 ** (32 - Number(prefix)) - 3;
    if (!(this.#size > 0)) throw new RangeError(`no room for pods in the range ${cidr}`);
  }

  /** An address that is free, the one given back longest ago; undefined when there is none. */
  take(): string | undefined {
    for (let tries = 0; tries < this.#size; tries++) {
      const offset = this.#next;
      this.#next = (this.#next + 1) % this.#size;
      if (this.#taken.has(offset)) continue;
      this.#taken.add(offset);
      return toText(this.#first + offset);
    }
    return undefined;
  }

  /** Marks an address as taken that is in use already. */
  reserve(address: string): void {
    const offset = toNumber(address) - this.#first;
    if (offset >= 0 && offset < this.#size) this.#taken.add(offset);
  }

  release(address: string): void {
    this.#taken.delete(toNumber(address) - this.#first);
  }
}

/** The range of the node with that number (from 0): 10.244.0.0, 10.244.1.0, … with room for so many pods. */
export function podRange(node: number, pods: number): string {
  let prefix = 24;
  while (2 ** (32 - prefix) - 3 < pods) prefix--;
  const size = 2 ** (32 - prefix);
  // 10.240.0.0/12 behind 10.244.0.0, then from its beginning.
  const space = 2 ** 20;
  const start = (toNumber("10.244.0.0") - toNumber("10.240.0.0") + node * size) % space;
  return `${toText(toNumber("10.240.0.0") + start)}/${prefix}`;
}

function toNumber(address: string): number {
  return address.split(".").reduce((number, part) => number * 256 + Number(part), 0);
}

function toText(number: number): string {
  return [24, 16, 8, 0].map((bits) => Math.floor(number / 2 ** bits) % 256).join(".");
}

/** 10.239.0.1, 10.239.0.2, …: addresses that nobody has. */
export function nodeAddress(index: number): string {
  return `10.239.${Math.floor((index + 1) / 256)}.${(index + 1) % 256}`;
}
