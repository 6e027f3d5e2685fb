import { stringifyJson } from "@podwright/kube";
import type { Write } from "../storage/storage.ts";
import type { Definition } from "./definition.ts";

/** The write that puts a definition in the place of the stored one, in the form in which the verbs store objects. */
export function encodeDefinition(definition: Definition): Write {
  return {
    type: "put",
    encode: (revision) => encode(definition, revision),
    ...(definition.metadata.labels === undefined ? {} : { labels: definition.metadata.labels }),
  };
}

/** The write that takes a definition away. */
export function removeDefinition(definition: Definition): Write {
  return { type: "delete", encode: (revision) => encode(definition, revision) };
}

function encode(definition: Definition, revision: number): Buffer {
  // The stored object has its resourceVersion: the field keeps its place.
  const metadata = { ...definition.metadata, resourceVersion: String(revision) };
  return Buffer.from(stringifyJson({ ...definition, metadata }));
}
