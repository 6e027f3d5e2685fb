import { canonicalQuantity } from "../quantity.ts";

/** Values that come out of decoding in another form than they went in. */

const shortQuantity = /^([1-9]\d{0,6})(m|k|M|G|Ki|Mi|Gi)?$/;

/** A quantity as upstream writes it back; most that are written already are so and need no arithmetic. */
export function canonicalQuantityText(text: string): string {
  const match = shortQuantity.exec(text);
  if (match !== null) {
    const amount = Number(match[1]);
    if (match[2]?.endsWith("i") ? amount % 1024 !== 0 : amount % 1000 !== 0) return text;
  }
  return canonicalQuantity(text.trim());
}

/**
 * Checks standard base64 and gives it as Go would encode its bytes: without line ends.
 * Returns the offset of the first wrong byte instead, as Go's CorruptInputError has it.
 */
export function canonicalBase64(text: string): string | number {
  const length = text.length;
  if (length % 4 === 0) {
    let i = 0;
    while (i < length && isBase64(text.charCodeAt(i))) i++;
    if (i === length) return text;
  }
  const wrong = firstWrongByte(text);
  return wrong ?? Buffer.from(text, "base64").toString("base64");
}

/** Go's encoding/base64 decodeQuantum, which says where it stopped: at a character, or at the start of an unfinished group. */
function firstWrongByte(text: string): number | undefined {
  const bytes = Buffer.from(text, "utf8");
  const pad = 0x3d;
  const skipLineEnds = (from: number): number => {
    let i = from;
    while (bytes[i] === 0x0a || bytes[i] === 0x0d) i++;
    return i;
  };
  let inGroup = 0;
  let i = 0;
  while (i < bytes.length) {
    const byte = bytes[i++] as number;
    if (isBase64(byte)) inGroup = (inGroup + 1) % 4;
    else if (byte === pad) {
      if (inGroup < 2) return i - 1;
      if (inGroup === 2) {
        i = skipLineEnds(i);
        if (i === bytes.length) return bytes.length;
        if (bytes[i] !== pad) return i - 1;
        i++;
      }
      i = skipLineEnds(i);
      return i < bytes.length ? i : undefined;
    } else if (byte !== 0x0a && byte !== 0x0d) return i - 1;
  }
  return inGroup === 0 ? undefined : i - inGroup;
}

function isBase64(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === 0x2b ||
    code === 0x2f
  );
}
