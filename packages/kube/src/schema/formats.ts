import { isIp, isIpV4, isIpV6, isNetwork } from "./ip-address.ts";

/**
 * The formats of strings that schemas are checked for (k8s.io/kube-openapi/pkg/validation/strfmt). Others say nothing.
 *
 * @returns undefined for an unknown format
 */
export function formatCheck(format: string): ((text: string) => boolean) | undefined {
  // Dashes do not count: "date-time" is "datetime".
  const name = format.replaceAll("-", "");
  return Object.hasOwn(checks, name) ? checks[name] : undefined;
}

const uuid = (version: string, variant = "") =>
  new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}-?${variant}[0-9a-f]{${4 - (variant ? 1 : 0)}}-?[0-9a-f]{12}$`, "i");

const patterns = {
  uuid: uuid("[0-9a-f]{4}"),
  uuid3: uuid("3[0-9a-f]{3}"),
  uuid4: uuid("4[0-9a-f]{3}", "[89ab]"),
  uuid5: uuid("5[0-9a-f]{3}", "[89ab]"),
  creditCard:
    /^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35[0-9]{3})[0-9]{11})$/,
  rgbColor:
    /^rgb\(\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*\)$/,
  base64: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/,
  name: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  names: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
} as const;

const checks: Readonly<Record<string, (text: string) => boolean>> = {
  bsonobjectid: (text) => /^[0-9a-fA-F]{24}$/.test(text),
  uri: isRequestUri,
  email: isEmail,
  hostname: isHostname,
  ipv4: (text) => text.includes(".") && isIp(text, { leadingZeros: true }),
  ipv6: (text) => text.includes(":") && (isIpV6(text) || isIpV4(text)),
  cidr: isNetwork,
  mac: isMac,
  uuid: (text) => patterns.uuid.test(text),
  uuid3: (text) => patterns.uuid3.test(text),
  uuid4: (text) => patterns.uuid4.test(text),
  uuid5: (text) => patterns.uuid5.test(text),
  isbn: (text) => isIsbn10(text) || isIsbn13(text),
  isbn10: isIsbn10,
  isbn13: isIsbn13,
  creditcard: isCreditCard,
  ssn: (text) => text.length === 11 && /^\d{3}[- ]?\d{2}[- ]?\d{4}$/.test(text),
  hexcolor: (text) => /^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/.test(text),
  rgbcolor: (text) => patterns.rgbColor.test(text),
  byte: (text) => patterns.base64.test(text),
  password: () => true,
  date: isDate,
  datetime: isDateTime,
  duration: isDuration,
  k8sshortname: (text) => text.length <= 63 && patterns.name.test(text),
  k8slongname: (text) => text.length <= 253 && patterns.names.test(text),
};

/** What Go's url.ParseRequestURI takes: an absolute path, or a scheme and what follows it. */
function isRequestUri(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: Go refuses them in URLs.
  if (text === "" || /[\x00-\x1f\x7f]/.test(text)) return false;
  if (text === "*") return true;
  const match = /^([a-zA-Z][a-zA-Z0-9+.-]*):(.*)$/s.exec(text);
  const rest = (match === null ? text : (match[2] ?? "")).split("?")[0] ?? "";
  if (!rest.startsWith("/")) return match !== null && (match[2] ?? "") !== "";
  const authority = match !== null && rest.startsWith("//") ? (/^\/\/([^/]*)/.exec(rest)?.[1] ?? "") : "";
  if (/%(?![0-9a-fA-F]{2})/.test(rest)) return false;
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  if (/[ <>"\\^`{}|]/.test(host)) return false;
  return host.startsWith("[") ? /^\[[^\]]*\](:\d*)?$/.test(host) : /^[^:]*(:\d*)?$/.test(host);
}

/** An address alone or after a name, "a@b" or "A <a@b>" (Go's net/mail). */
function isEmail(text: string): boolean {
  const address = /^(?:[^<>@]*)<([^<>]+)>\s*$/.exec(text)?.[1] ?? text.trim();
  const atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\-\\u0080-\\uffff]+";
  const local = `(?:${atom}(?:\\.${atom})*|"(?:[^"\\\\]|\\\\.)*")`;
  return new RegExp(`^${local}@(?:${atom}(?:\\.${atom})*|\\[[^\\]]*\\])$`).test(address);
}

function isHostname(text: string): boolean {
  if (Buffer.byteLength(text) > 255 || !isHostnameText(text)) return false;
  return text.split(".").every((part) => Buffer.byteLength(part) <= 63);
}

// A literal is compiled when the module is read: 5 MB of character tables in processes that check no such text.
function isHostnameText(text: string): boolean {
  const letter = "[a-zA-Z0-9\\p{S}\\p{L}]";
  const first = `${letter}((-?${letter}{0,62})?)`;
  const others = `(${letter}(([a-zA-Z0-9\\-\\p{S}\\p{L}]{0,61}${letter})?)(\\.))+([a-zA-Z\\p{L}]){2,63}`;
  return new RegExp(`^(${first}|${others})$`, "u").test(text);
}

function isMac(text: string): boolean {
  const bytes = /^[0-9a-fA-F]{2}([:-])[0-9a-fA-F]{2}(\1[0-9a-fA-F]{2})*$/.test(text);
  if (bytes) return [6, 8, 20].includes((text.length + 1) / 3);
  return /^[0-9a-fA-F]{4}(\.[0-9a-fA-F]{4})+$/.test(text) && [6, 8, 20].includes(((text.length + 1) / 5) * 2);
}

function isIsbn10(text: string): boolean {
  const digits = text.replace(/[\s-]+/g, "");
  if (!/^(?:[0-9]{9}X|[0-9]{10})$/.test(digits)) return false;
  const sum = [...digits].reduce((total, digit, at) => total + (at + 1) * (digit === "X" ? 10 : Number(digit)), 0);
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = text.replace(/[\s-]+/g, "");
  if (!/^[0-9]{13}$/.test(digits)) return false;
  const sum = [...digits.slice(0, 12)].reduce((total, digit, at) => total + (at % 2 === 0 ? 1 : 3) * Number(digit), 0);
  return Number(digits[12]) === (10 - (sum % 10)) % 10;
}

/** The Luhn checksum. */
function isCreditCard(text: string): boolean {
  const digits = text.replace(/[^0-9]+/g, "");
  if (!patterns.creditCard.test(digits)) return false;
  const sum = [...digits].reverse().reduce((total, digit, at) => {
    const doubled = at % 2 === 0 ? Number(digit) : Number(digit) * 2;
    return total + (doubled >= 10 ? (doubled % 10) + 1 : doubled);
  }, 0);
  return sum % 10 === 0;
}

function isDate(text: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (match === null) return false;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (month < 1 || month > 12 || day < 1) return false;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  return day <= (days[month - 1] as number);
}

function isDateTime(text: string): boolean {
  const [date = "", time] = text.toLowerCase().split("t");
  const match = /^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))$/.exec(time ?? "");
  if (match === null || !isDate(date)) return false;
  const [, hours = "", minutes = "", seconds = ""] = match;
  return hours <= "23" && minutes <= "59" && seconds <= "59";
}

/** A Go duration ("1h30m"), or numbers with units written out ("2 days"). */
function isDuration(text: string): boolean {
  if (/^[+-]?(0|((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)$/.test(text)) return true;
  return [...text.matchAll(/\d+\s*([A-Za-zµ]+)/g)].some((match) => isTimeUnit((match[1] ?? "").toLowerCase()));
}

const shortUnits = new Set(["ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk"]);
const longUnits = ["nano", "micro", "milli", "sec", "min", "hour", "day", "week"];

function isTimeUnit(unit: string): boolean {
  return shortUnits.has(unit) || longUnits.some((long) => unit.startsWith(long));
}
