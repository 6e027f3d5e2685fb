import { WireError, WireReader } from "./wire-reader.ts";

/** Which object, in which of its versions. */
export interface ObjectVersion {
  /** "" for objects of the cluster. */
  namespace: string;
  name: string;
  uid: string;
  resourceVersion: string;
}

/**
 * Reads of an object as decodeProtobuf takes it no more than which version of which object it is; undefined where that
 * cannot be told. The metadata of native kinds is their first field: name (1), namespace (3), uid (5),
 * resourceVersion (6) (k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto).
 */
export function readObjectVersion(bytes: Uint8Array): ObjectVersion | undefined {
  try {
    const reader = new WireReader(bytes, 4);
    if (!enterField(reader, 2) || !enterField(reader, 1)) return undefined;
    const version: ObjectVersion = { namespace: "", name: "", uid: "", resourceVersion: "" };
    while (reader.next()) {
      if (reader.wireType !== 2) reader.skip(reader.wireType);
      else if (reader.field === 1) version.name = reader.string();
      else if (reader.field === 3) version.namespace = reader.string();
      else if (reader.field === 5) version.uid = reader.string();
      else if (reader.field === 6) version.resourceVersion = reader.string();
      else reader.skip(2);
    }
    return version.uid === "" || version.resourceVersion === "" ? undefined : version;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** Goes into the first message that is a field of that number. */
function enterField(reader: WireReader, number: number): boolean {
  while (reader.next()) {
    if (reader.field === number && reader.wireType === 2) {
      reader.enter();
      return true;
    }
    reader.skip(reader.wireType);
  }
  return false;
}
