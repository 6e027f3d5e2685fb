/** Ranges of IPv4 addresses. */

export interface Range {
  /** The first address, as a number. */
  base: number;
  prefix: number;
}

/** Of "10.1.2.3/8"; bits behind the prefix do not count. Throws RangeError for anything else. */
export function parseCidr(cidr: string): Range {
  const [address = "", length = ""] = cidr.split("/");
  const prefix = Number(length);
  const octets = address.split(".").map(Number);
  const isOctet = (octet: number): boolean => Number.isInteger(octet) && octet >= 0 && octet < 256;
  if (octets.length !== 4 || !octets.every(isOctet) || length === "" || !(prefix >= 0 && prefix <= 32)) {
    throw new RangeError(`not a range of IPv4 addresses: ${cidr}`);
  }
  const size = 2 ** (32 - prefix);
  return { base: Math.floor(toNumber(address) / size) * size, prefix };
}

export function formatCidr({ base, prefix }: Range): string {
  return `${[24, 16, 8, 0].map((bits) => Math.floor(base / 2 ** bits) % 256).join(".")}/${prefix}`;
}

/** False for addresses that are not IPv4. */
export function isInCidr(address: string, cidr: string): boolean {
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(address)) return false;
  return contains(parseCidr(cidr), { base: toNumber(address), prefix: 32 });
}

/** The ranges that are left of one without others. */
export function without(range: Range, others: readonly Range[]): Range[] {
  const touching = others.filter((other) => contains(range, other) || contains(other, range));
  if (touching.length === 0) return [range];
  if (touching.some((other) => contains(other, range))) return [];
  const prefix = range.prefix + 1;
  const halves = [
    { base: range.base, prefix },
    { base: range.base + 2 ** (32 - prefix), prefix },
  ];
  return halves.flatMap((half) => without(half, touching));
}

function contains(outer: Range, inner: Range): boolean {
  if (inner.prefix < outer.prefix) return false;
  const size = 2 ** (32 - outer.prefix);
  return Math.floor(inner.base / size) * size === outer.base;
}

function toNumber(address: string): number {
  return address.split(".").reduce((number, octet) => number * 256 + Number(octet), 0);
}
