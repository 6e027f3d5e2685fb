import { decodeProtobuf, type JsonObject, nativeTypes } from "@podwright/kube";
import { ProtobufEncoder } from "@podwright/kube/encode";

/** A field as it is on the wire. */
type WireField = [number: number, value: string | number | WireField[]];

const encoder = new ProtobufEncoder(nativeTypes());

/**
 * Makes protobuf comparable: a line for each field that is on the wire, in order, zero values too, with times and
 * resource versions taken out. Throws when what is read from the bytes is not written as the same bytes again.
 */
export function protobufBody(bytes: Buffer): string[] {
  if (bytes.toString("latin1", 0, 4) !== "k8s\0") throw new Error(`no protobuf of Kubernetes: ${bytes}`);
  const object = readable(bytes);
  if (object !== undefined) {
    const again = encoder.encode(object);
    if (!again.equals(bytes)) throw new Error(`${bytes.toString("hex")}\nis written as\n${again.toString("hex")}`);
  }
  const versions = new Set<string>();
  collectVersions(object, versions);
  const isVersion = (text: string) => (object === undefined ? /^\d+$/.test(text) : versions.has(text));
  return linesOf(fieldsOf(bytes.subarray(4), isVersion) ?? [], "");
}

function linesOf(fields: readonly WireField[], indent: string): string[] {
  return fields.flatMap(([number, value]) =>
    Array.isArray(value)
      ? [`${indent}${number}:`, ...linesOf(value, `${indent}  `)]
      : [`${indent}${number}: ${typeof value === "string" ? JSON.stringify(value) : value}`],
  );
}

/** Undefined for kinds that are no bodies of requests. */
function readable(bytes: Buffer): JsonObject | undefined {
  try {
    return decodeProtobuf(bytes).object;
  } catch (error) {
    if (String(error).includes("is registered for version")) return undefined;
    throw error;
  }
}

function collectVersions(value: unknown, into: Set<string>): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, field] of Object.entries(value)) {
    if (key === "resourceVersion" && typeof field === "string" && field !== "") into.add(field);
    else collectVersions(field, into);
  }
}

/** Undefined when the bytes are no message. */
function fieldsOf(bytes: Buffer, isVersion: (text: string) => boolean): WireField[] | undefined {
  const fields: WireField[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; at < bytes.length && shift < 70n; shift += 7n) {
      const byte = bytes[at++] as number;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw cutShort;
  };
  try {
    while (at < bytes.length) {
      const tag = Number(varint());
      const number = tag >> 3;
      if (number === 0) return undefined;
      if ((tag & 7) === 0) fields.push([number, Number(varint())]);
      else if ((tag & 7) === 2) {
        const length = Number(varint());
        if (length > bytes.length - at) return undefined;
        fields.push([number, textOrMessage(bytes.subarray(at, at + length), isVersion)]);
        at += length;
      } else return undefined;
    }
  } catch (error) {
    if (error === cutShort) return undefined;
    throw error;
  }
  return isRecentTime(fields) ? [[1, "TIME"]] : fields;
}

const cutShort = new Error("cut short");

function textOrMessage(bytes: Buffer, isVersion: (text: string) => boolean): string | WireField[] {
  const text = bytes.toString();
  if (/^[ -~]*$/.test(text)) return isVersion(text) ? "VERSION" : text;
  return fieldsOf(bytes, isVersion) ?? (text.includes("\ufffd") ? bytes.toString("base64") : text);
}

/** Seconds since 1970 (1), and nanoseconds (2). */
function isRecentTime([first, second, ...others]: WireField[]): boolean {
  const isSeconds = first?.[0] === 1 && typeof first[1] === "number" && first[1] > 1.7e9 && first[1] < 4e9;
  return isSeconds && second?.[0] === 2 && typeof second[1] === "number" && others.length === 0;
}
