/**
 * Resource quantities: "500m", "1.5Gi", "12e6" (k8s.io/apimachinery/pkg/api/resource/quantity.go). A value is an exact
 * decimal; its format decides how it is written.
 */

export type QuantityFormat = "DecimalSI" | "BinarySI" | "DecimalExponent";

/** `unscaled` × 10^`scale`. Immutable. */
export interface Quantity {
  readonly unscaled: bigint;
  readonly scale: number;
  readonly format: QuantityFormat;
  /** The text as it came, where upstream writes it back unchanged. */
  readonly text?: string;
}

/** Text that is no quantity; the message is upstream's. */
export class QuantityError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "QuantityError";
  }
}

const wrongFormat = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const wrongNumber = "unable to parse numeric part of quantity";
const wrongSuffix = "unable to parse quantity's suffix";

const decimalSuffixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const binarySuffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const nano = -9;
const maxInt64 = 2n ** 63n - 1n;
/** More digits than this are not aligned: exponents come from users and may be of any size. */
const maxAlignment = 100_000;

const shape = /^([+-]?)(0*)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)$/;

/**
 * Parses a quantity. Amounts below 1n are rounded up to it, away from zero.
 * @throws {QuantityError}
 */
export function parseQuantity(text: string): Quantity {
  if (text === "") throw new QuantityError(wrongFormat);
  const match = shape.exec(text);
  if (match === null) throw new QuantityError(wrongFormat);
  const [, sign = "", zeros = "", digits = "", fraction = "", suffix = ""] = match;
  const { base, exponent, format } = parseSuffix(suffix);
  const whole = digits === "" ? "0" : digits;
  const short = parseShort(text, sign, whole, fraction, base, exponent, format);
  if (short !== undefined) return short;
  if (zeros === "" && digits === "" && fraction === "") throw new QuantityError(wrongNumber);
  return parseLong(sign, whole + fraction, fraction.length, base, exponent, format);
}

interface Suffix {
  base: 2 | 10;
  exponent: number;
  format: QuantityFormat;
}

function parseSuffix(suffix: string): Suffix {
  const decimal = decimalSuffixes.indexOf(suffix);
  if (decimal >= 0) return { base: 10, exponent: (decimal - 3) * 3, format: "DecimalSI" };
  const binary = binarySuffixes.indexOf(suffix);
  if (binary > 0) return { base: 2, exponent: binary * 10, format: "BinarySI" };
  const exponent = /^[eE]([+-]?[0-9]+)$/.exec(suffix)?.[1];
  if (exponent === undefined) throw new QuantityError(wrongSuffix);
  const value = BigInt(exponent.replace("+", ""));
  if (value !== BigInt.asIntN(64, value)) throw new QuantityError(wrongSuffix);
  return { base: 10, exponent: Number(BigInt.asIntN(32, value)), format: "DecimalExponent" };
}

/** Amounts upstream keeps in an int64. It remembers the text of those that look canonical, "+5" and "1.500" included. */
function parseShort(
  text: string,
  sign: string,
  whole: string,
  fraction: string,
  base: 2 | 10,
  exponent: number,
  format: QuantityFormat,
): Quantity | undefined {
  const digits = whole + fraction;
  const scale = (base === 10 ? exponent : 0) - fraction.length;
  let unscaled: bigint;
  let canonical: boolean;
  if (base === 10) {
    if (digits.length > 18 || scale < nano) return undefined;
    unscaled = BigInt(digits);
    canonical = scale % 3 === 0 && !digits.endsWith("000") && !digits.startsWith("0");
  } else {
    if (fraction !== "" || 14 - whole.length - Math.trunc((exponent * 3) / 10) < 0) return undefined;
    const value = BigInt(digits);
    unscaled = value << BigInt(exponent);
    if (unscaled > maxInt64) return undefined;
    canonical = (value & 7n) !== 0n;
  }
  if (sign === "-") unscaled = -unscaled;
  return canonical || text === "0" ? { unscaled, scale, format, text } : { unscaled, scale, format };
}

function parseLong(
  sign: string,
  digits: string,
  decimals: number,
  base: 2 | 10,
  exponent: number,
  format: QuantityFormat,
): Quantity {
  let unscaled = BigInt(digits);
  let scale = -decimals;
  if (base === 10) scale += exponent;
  else unscaled <<= BigInt(exponent);
  if (unscaled !== 0n && scale < nano) {
    unscaled = divideUp(unscaled, nano - scale);
    scale = nano;
  }
  let shown = format;
  if (format === "BinarySI") {
    if (compareAmounts(unscaled, scale, maxInt64, 0) > 0) {
      unscaled = maxInt64;
      scale = 0;
    }
    if (unscaled > 0n && compareAmounts(unscaled, scale, 1n, 0) < 0) shown = "DecimalSI";
  }
  return { unscaled: sign === "-" ? -unscaled : unscaled, scale, format: shown };
}

/** Writes a quantity in canonical form: no fraction, the largest suffix that needs none. */
export function formatQuantity(quantity: Quantity): string {
  if (quantity.text !== undefined) return quantity.text;
  if (quantity.unscaled === 0n) return "0";
  if (quantity.format === "BinarySI") {
    const whole = toInteger(quantity);
    if (whole !== undefined && (whole <= -1024n || whole >= 1024n)) return formatBinary(whole);
  }
  let { unscaled, scale } = quantity;
  while (unscaled % 10n === 0n) {
    unscaled /= 10n;
    scale++;
  }
  while (scale % 3 !== 0) {
    unscaled *= 10n;
    scale--;
  }
  if (quantity.format === "DecimalExponent") return scale === 0 ? `${unscaled}` : `${unscaled}e${scale}`;
  // Upstream writes no suffix where it has none for the exponent.
  return `${unscaled}${decimalSuffixes[scale / 3 + 3] ?? ""}`;
}

function formatBinary(whole: bigint): string {
  let amount = whole;
  let power = 0;
  while (amount % 1024n === 0n) {
    amount /= 1024n;
    power++;
  }
  return `${amount}${binarySuffixes[power] ?? ""}`;
}

const alreadyCanonical = /^[1-9][0-9]{0,11}(?<!000)[mkMG]?$|^[1-9]?[0-9]?[13579](?:Ki|Mi|Gi)$/;

/**
 * The text a quantity is stored and shown as: "0.5" → "500m", "1024Mi" → "1Gi", " 1 " → "1".
 * @throws {QuantityError}
 */
export function canonicalQuantity(text: string): string {
  if (alreadyCanonical.test(text)) return text;
  return formatQuantity(parseQuantity(text.trim()));
}

/** A quantity of whole units. */
export function quantityOf(value: number | bigint, format: QuantityFormat = "DecimalSI"): Quantity {
  return { unscaled: BigInt(value), scale: 0, format };
}

/** A quantity of thousandths: 1500 → "1500m". */
export function milliQuantityOf(value: number | bigint, format: QuantityFormat = "DecimalSI"): Quantity {
  return { unscaled: BigInt(value), scale: -3, format };
}

/** Below 0 when a is less than b, 0 when they are equal, above 0 otherwise. Texts are parsed. */
export function compareQuantities(a: Quantity | string, b: Quantity | string): number {
  const x = parsed(a);
  const y = parsed(b);
  return compareAmounts(x.unscaled, x.scale, y.unscaled, y.scale);
}

/** The sum, in the format of a; in that of b when a is zero. */
export function addQuantities(a: Quantity | string, b: Quantity | string): Quantity {
  const x = parsed(a);
  const y = parsed(b);
  const format = x.unscaled === 0n ? y.format : x.format;
  if (y.unscaled === 0n) return { unscaled: x.unscaled, scale: x.scale, format };
  if (x.unscaled === 0n) return { unscaled: y.unscaled, scale: y.scale, format };
  const scale = Math.min(x.scale, y.scale);
  return { unscaled: rescale(x, scale) + rescale(y, scale), scale, format };
}

/** The difference a − b, in the format of a; in that of b when a is zero. */
export function subtractQuantities(a: Quantity | string, b: Quantity | string): Quantity {
  const y = parsed(b);
  return addQuantities(a, { unscaled: -y.unscaled, scale: y.scale, format: y.format });
}

/** Whole units, rounded away from zero; exact up to 2^53. "100m" → 1, "1Ki" → 1024. */
export function quantityValue(quantity: Quantity | string): number {
  return Number(scaledValue(parsed(quantity), 0));
}

/** Thousandths, rounded away from zero; exact up to 2^53. "1.5" → 1500. */
export function quantityMilliValue(quantity: Quantity | string): number {
  return Number(scaledValue(parsed(quantity), -3));
}

function parsed(quantity: Quantity | string): Quantity {
  return typeof quantity === "string" ? parseQuantity(quantity) : quantity;
}

function scaledValue(quantity: Quantity, scale: number): bigint {
  if (quantity.scale >= scale) return rescale(quantity, scale);
  const { unscaled } = quantity;
  const dropped = scale - quantity.scale;
  return unscaled < 0n ? -divideUp(-unscaled, dropped) : divideUp(unscaled, dropped);
}

function toInteger({ unscaled, scale }: Quantity): bigint | undefined {
  if (scale >= 0) return rescale({ unscaled, scale }, 0);
  const divisor = power(-scale);
  return unscaled % divisor === 0n ? unscaled / divisor : undefined;
}

/** The amount in units of 10^scale, which is not above its own. */
function rescale(amount: { unscaled: bigint; scale: number }, scale: number): bigint {
  return amount.scale === scale ? amount.unscaled : amount.unscaled * power(amount.scale - scale);
}

/** A positive number without its last digits, rounded up. */
function divideUp(value: bigint, digits: number): bigint {
  if (digits > value.toString().length) return value === 0n ? 0n : 1n;
  const divisor = power(digits);
  return (value + divisor - 1n) / divisor;
}

function compareAmounts(a: bigint, aScale: number, b: bigint, bScale: number): number {
  const aSign = a === 0n ? 0 : a < 0n ? -1 : 1;
  const bSign = b === 0n ? 0 : b < 0n ? -1 : 1;
  if (aSign !== bSign || aSign === 0) return aSign - bSign;
  // Numbers of different length need no alignment, which exponents of any size could make endless.
  const aMagnitude = digitsOf(a) + aScale;
  const bMagnitude = digitsOf(b) + bScale;
  if (aMagnitude !== bMagnitude) return aMagnitude < bMagnitude ? -aSign : aSign;
  const scale = Math.min(aScale, bScale);
  const x = rescale({ unscaled: a, scale: aScale }, scale);
  const y = rescale({ unscaled: b, scale: bScale }, scale);
  return x === y ? 0 : x < y ? -1 : 1;
}

function digitsOf(value: bigint): number {
  return (value < 0n ? -value : value).toString().length;
}

function power(exponent: number): bigint {
  if (exponent > maxAlignment) throw new QuantityError(`quantity exponents differ by more than ${maxAlignment}`);
  return 10n ** BigInt(exponent);
}
