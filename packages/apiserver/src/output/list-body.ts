import { formatApiVersion } from "@podwright/kube";
import type { Resource } from "../resources/resource.ts";
import type { StoredObject } from "../storage/storage.ts";
import type { ListMetadata } from "../table/table.ts";

/** Sent as pieces of about this size, so that a long list needs no buffer of its whole length. */
const pieceBytes = 512 * 1024;

/**
 * The body of a list, from the stored bytes of its items. Items of native kinds come without apiVersion and kind,
 * as Go's typed lists do: the stored bytes begin with them, so they are skipped.
 */
export function joinItems(resource: Resource, metadata: ListMetadata, items: readonly StoredObject[]): Buffer[] {
  const apiVersion = formatApiVersion(resource.group, resource.version);
  const head = JSON.stringify({ kind: resource.listKind, apiVersion, metadata });
  const typeMeta = resource.custom ? undefined : typeMetaPrefix(resource.kind, apiVersion);
  const pieces: Buffer[] = [];
  let piece = Buffer.allocUnsafe(Math.min(pieceBytes, totalBytes(items) + head.length * 3 + 32));
  let length = piece.write(`${head.slice(0, -1)},"items":[`);
  for (let index = 0; index < items.length; index++) {
    const value = (items[index] as StoredObject).value;
    const skip = typeMeta !== undefined && startsWith(value, typeMeta) ? typeMeta.length : 0;
    const needed = value.length - skip + 2;
    if (length + needed > piece.length) {
      pieces.push(piece.subarray(0, length));
      piece = Buffer.allocUnsafe(Math.max(pieceBytes, needed));
      length = 0;
    }
    if (index > 0) piece[length++] = comma;
    if (skip > 0) piece[length++] = brace;
    length += value.copy(piece, length, skip);
  }
  if (length + 3 > piece.length) {
    pieces.push(piece.subarray(0, length), Buffer.from("]}\n"));
  } else {
    length += piece.write("]}\n", length);
    pieces.push(piece.subarray(0, length));
  }
  return pieces;
}

const comma = 0x2c;
const brace = 0x7b;

/** How stored objects of the kind begin. */
function typeMetaPrefix(kind: string, apiVersion: string): Buffer {
  return Buffer.from(`{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},`);
}

function startsWith(value: Buffer, prefix: Buffer): boolean {
  return value.length > prefix.length && value.compare(prefix, 0, prefix.length, 0, prefix.length) === 0;
}

function totalBytes(items: readonly StoredObject[]): number {
  let total = 0;
  for (const { value } of items) total += value.length + 2;
  return total;
}
