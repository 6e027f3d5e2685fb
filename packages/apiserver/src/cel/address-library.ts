import { isIP, SocketAddress } from "node:net";
import { isIp } from "@podwright/kube";
import type { Environment } from "./environment.ts";
import { succeeds } from "./quantity-library.ts";

/** An address as an expression holds it, in its canonical form. */
class Ip {
  readonly text: string;
  readonly family: 4 | 6;
  constructor(text: string) {
    this.family = isIP(text) === 6 ? 6 : 4;
    this.text = new SocketAddress({ address: text, family: `ipv${this.family}` }).address;
  }
}

export class Cidr {
  readonly ip: Ip;
  readonly length: number;
  constructor(ip: Ip, length: number) {
    this.ip = ip;
    this.length = length;
  }
  contains(ip: Ip): boolean {
    if (ip.family !== this.ip.family) return false;
    return bits(ip) >> BigInt(width(ip) - this.length) === bits(this.ip) >> BigInt(width(ip) - this.length);
  }
  masked(): Cidr {
    const host = BigInt(width(this.ip) - this.length);
    return new Cidr(fromBits((bits(this.ip) >> host) << host, this.ip.family), this.length);
  }
}

class IpNamespace {}

/** What `net.IP` and `net.CIDR` name: the types of addresses. */
class NetNamespace {
  constructor(environment: Environment) {
    const typeOf = (value: string) => ({ enumerable: true, get: () => environment.evaluate(`type(${value})`) });
    Object.defineProperties(this, { IP: typeOf("ip('::')"), CIDR: typeOf("cidr('::/0')") });
  }
}

const ipType = "net.IP";
const cidrType = "net.CIDR";

/** ip(), cidr() and what addresses can do (k8s.io/apiserver/pkg/cel/library/{ip,cidr}.go). */
export function registerAddresses(environment: Environment): Environment {
  const contains = (cidr: Cidr, other: Cidr): boolean => other.length >= cidr.length && cidr.contains(other.ip);
  return environment
    .registerType(ipType, { ctor: Ip, fields: {} })
    .registerType(cidrType, { ctor: Cidr, fields: {} })
    .registerType("net.ip", { ctor: IpNamespace, fields: {} })
    .registerType("net", { ctor: NetNamespace, fields: { IP: "type", CIDR: "type" } })
    .registerConstant("net", "net", new NetNamespace(environment))
    .registerConstant("ip", "net.ip", new IpNamespace())
    .registerFunction(`ip(string): ${ipType}`, parseIp)
    .registerFunction("isIP(string): bool", (text: string) => succeeds(() => parseIp(text)))
    .registerFunction(
      "net.ip.isCanonical(string): bool",
      (_ip: IpNamespace, text: string) => parseIp(text).text === text,
    )
    .registerFunction(`string(${ipType}): string`, ({ text }: Ip) => text)
    .registerFunction(`${ipType}.family(): int`, ({ family }: Ip) => BigInt(family))
    .registerFunction(`${ipType}.isUnspecified(): bool`, (ip: Ip) => bits(ip) === 0n)
    .registerFunction(`${ipType}.isLoopback(): bool`, (ip: Ip) => isIn(ip, "127.0.0.0/8", "::1/128"))
    .registerFunction(`${ipType}.isLinkLocalMulticast(): bool`, (ip: Ip) => isIn(ip, "224.0.0.0/24", "ff02::/16"))
    .registerFunction(`${ipType}.isLinkLocalUnicast(): bool`, (ip: Ip) => isIn(ip, "169.254.0.0/16", "fe80::/10"))
    .registerFunction(`${ipType}.isGlobalUnicast(): bool`, isGlobal)
    .registerOperator(`${ipType} == ${ipType}`, (a: Ip, b: Ip) => a.text === b.text)
    .registerFunction(`cidr(string): ${cidrType}`, parseCidr)
    .registerFunction("isCIDR(string): bool", (text: string) => succeeds(() => parseCidr(text)))
    .registerFunction(`string(${cidrType}): string`, ({ ip, length }: Cidr) => `${ip.text}/${length}`)
    .registerFunction(`${cidrType}.containsIP(${ipType}): bool`, (cidr: Cidr, ip: Ip) => cidr.contains(ip))
    .registerFunction(`${cidrType}.containsIP(string): bool`, (cidr: Cidr, ip: string) => cidr.contains(parseIp(ip)))
    .registerFunction(`${cidrType}.containsCIDR(${cidrType}): bool`, contains)
    .registerFunction(`${cidrType}.containsCIDR(string): bool`, (a: Cidr, b: string) => contains(a, parseCidr(b)))
    .registerFunction(`${cidrType}.ip(): ${ipType}`, ({ ip }: Cidr) => ip)
    .registerFunction(`${cidrType}.masked(): ${cidrType}`, (cidr: Cidr) => cidr.masked())
    .registerFunction(`${cidrType}.prefixLength(): int`, ({ length }: Cidr) => BigInt(length))
    .registerOperator(
      `${cidrType} == ${cidrType}`,
      (a: Cidr, b: Cidr) => a.ip.text === b.ip.text && a.length === b.length,
    );
}

function parseIp(text: string): Ip {
  if (!isIp(text) || /^::ffff:\d/i.test(text))
    throw new Error(`IP Address ${JSON.stringify(text)} parse error during conversion from string`);
  return new Ip(text);
}

function parseCidr(text: string): Cidr {
  const [address = "", length = ""] = text.split("/", 2);
  const refuse = () => new Error(`network address parse error during conversion from string: ${JSON.stringify(text)}`);
  if (!/^(0|[1-9]\d{0,2})$/.test(length) || !succeeds(() => parseIp(address))) throw refuse();
  const ip = parseIp(address);
  if (Number(length) > width(ip)) throw refuse();
  return new Cidr(ip, Number(length));
}

function width({ family }: Ip): number {
  return family === 4 ? 32 : 128;
}

function bits({ text, family }: Ip): bigint {
  if (family === 4) return text.split(".").reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
  const [head = "", tail] = text.split("::");
  const parts = (half: string) => (half === "" ? [] : half.split(":"));
  const [before, after] = [parts(head), parts(tail ?? "")];
  const middle = Array.from({ length: tail === undefined ? 0 : 8 - before.length - after.length }, () => "0");
  return [...before, ...middle, ...after].reduce((sum, part) => (sum << 16n) | BigInt(`0x${part}`), 0n);
}

function fromBits(value: bigint, family: 4 | 6): Ip {
  const [count, size] = family === 4 ? [4, 8n] : [8, 16n];
  const parts = Array.from({ length: count }, (_unused, index) =>
    ((value >> (size * BigInt(count - 1 - index))) & ((1n << size) - 1n)).toString(family === 4 ? 10 : 16),
  );
  return new Ip(parts.join(family === 4 ? "." : ":"));
}

function isIn(ip: Ip, four: string, six: string): boolean {
  return parseCidr(ip.family === 4 ? four : six).contains(ip);
}

function isGlobal(ip: Ip): boolean {
  if (bits(ip) === 0n || ip.text === "255.255.255.255") return false;
  return (
    !isIn(ip, "127.0.0.0/8", "::1/128") &&
    !isIn(ip, "224.0.0.0/4", "ff00::/8") &&
    !isIn(ip, "169.254.0.0/16", "fe80::/10")
  );
}
