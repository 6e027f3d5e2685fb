import { type JsonObject, type KubeObject, type Status, stringifyJson } from "@podwright/kube";
import type { ProtobufEncoder } from "@podwright/kube/encode";
import { parseStored } from "../output/response.ts";
import type { WatchFrame } from "../request.ts";
import type { EmptyObject } from "./watch.ts";

/** Turns stored objects into what a watcher asked for: another version, a Table, PartialObjectMetadata. */
export interface WatchTransform {
  /** Transforms of one name give the same for the same object, so that their output is shared between watchers. */
  name: string;
  /** Must not change its argument. `first` is true for a watch's first event (a Table then has its columns). */
  apply(object: KubeObject, first: boolean): KubeObject;
}

/** A frame of an object whose JSON is there. */
export class StoredFrame implements WatchFrame {
  readonly type: WatchFrame["type"];
  readonly #value: Buffer;
  readonly #freeze: boolean;
  #bytes: Buffer | undefined;
  #protobuf: Buffer | undefined;
  #object: KubeObject | undefined;

  constructor(type: WatchFrame["type"], value: Buffer, freeze = false) {
    this.type = type;
    this.#value = value;
    this.#freeze = freeze;
  }

  bytes(): Buffer {
    this.#bytes ??= Buffer.concat([Buffer.from(`{"type":"${this.type}","object":`), this.#value, lineEnd]);
    return this.#bytes;
  }

  protobuf(encoder: ProtobufEncoder): Buffer {
    this.#protobuf ??= encoder.watchFrame(this.type, this.object() as unknown as JsonObject);
    return this.#protobuf;
  }

  object(): KubeObject {
    this.#object ??= parseStored(this.#value);
    if (this.#freeze) deepFreeze(this.#object);
    return this.#object;
  }
}

/** A frame of an object that has no JSON yet. */
export class MadeFrame implements WatchFrame {
  readonly type: WatchFrame["type"];
  readonly #make: () => KubeObject;
  #bytes: Buffer | undefined;
  #protobuf: Buffer | undefined;
  #object: KubeObject | undefined;

  constructor(type: WatchFrame["type"], make: () => KubeObject) {
    this.type = type;
    this.#make = make;
  }

  bytes(): Buffer {
    this.#bytes ??= Buffer.from(`{"type":"${this.type}","object":${stringifyJson(this.object())}}\n`);
    return this.#bytes;
  }

  protobuf(encoder: ProtobufEncoder): Buffer {
    this.#protobuf ??= encoder.watchFrame(this.type, this.object() as unknown as JsonObject);
    return this.#protobuf;
  }

  object(): KubeObject {
    this.#object ??= this.#make();
    return this.#object;
  }
}

/** The event that ends a watch that cannot go on. */
export function errorFrame(status: Status): WatchFrame {
  return new MadeFrame("ERROR", () => status as unknown as KubeObject);
}

/** Tells how far the watch has come; `initialEventsEnd` marks the end of the initial events of a WatchList. */
export function bookmarkObject(empty: EmptyObject, revision: number, initialEventsEnd: boolean): KubeObject {
  const annotations = initialEventsEnd && { annotations: { "k8s.io/initial-events-end": "true" } };
  return { ...empty, metadata: { resourceVersion: String(revision), ...annotations } };
}

/** The same object with another resourceVersion: what a watcher sees of an object that leaves its selection. */
export function withResourceVersion(value: Buffer, revision: number): Buffer {
  const object = parseStored(value);
  return Buffer.from(stringifyJson({ ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } }));
}

function deepFreeze(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const field of Object.values(value)) deepFreeze(field);
}

const lineEnd = Buffer.from("}\n");
