/** IP addresses as Go's net package reads them. */

/** @param options.leadingZeros take "010.0.0.1", as Kubernetes does in old fields */
export function isIp(text: string, options: { leadingZeros?: boolean } = {}): boolean {
  return isIpV4(text, options) || isIpV6(text, options);
}

export function isIpV4(text: string, options: { leadingZeros?: boolean } = {}): boolean {
  const parts = text.split(".");
  if (parts.length !== 4) return false;
  return parts.every((part) => {
    if (!/^[0-9]+$/.test(part) || Number(part) > 255) return false;
    return options.leadingZeros === true || part.length === 1 || !part.startsWith("0");
  });
}

/** Groups of hexadecimal digits, one run of zeros as "::", the last two as an IPv4 address. No zone. */
export function isIpV6(text: string, options: { leadingZeros?: boolean } = {}): boolean {
  if (!text.includes(":")) return false;
  const halves = text.split("::");
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [index, half] of halves.entries()) {
    if (half === "") continue;
    const parts = half.split(":");
    for (const [at, part] of parts.entries()) {
      const last = index === halves.length - 1 && at === parts.length - 1;
      if (last && part.includes(".")) {
        if (!isIpV4(part, options)) return false;
        groups += 2;
      } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups++;
      else return false;
    }
  }
  return halves.length === 2 ? groups < 8 : groups === 8;
}

/** "10.0.0.0/8", "fd00::/64". */
export function isNetwork(text: string): boolean {
  const match = /^(.*)\/([0-9]+)$/s.exec(text);
  if (match === null) return false;
  const [, address = "", bits = ""] = match;
  if (isIpV4(address, { leadingZeros: true })) return Number(bits) <= 32;
  return isIpV6(address, { leadingZeros: true }) && Number(bits) <= 128;
}
