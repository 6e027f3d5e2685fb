import { fieldError, isQualifiedName, validateLabels } from "@podwright/kube";
import { type Errors, invalid } from "./field-checks.ts";
import type { Struct } from "./kind.ts";

const maxAnnotationBytes = 256 * 1024;

export function annotations(errors: Errors, path: string, annotations: Record<string, string> | undefined): void {
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    invalid(errors, path, key, isQualifiedName(key.toLowerCase()));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > maxAnnotationBytes) errors.push(fieldError.tooLong(path, maxAnnotationBytes));
}

/** Metadata inside an object: of a volume claim template. */
export function annotationsAndLabels(errors: Errors, path: string, metadata: Struct | undefined): void {
  annotations(errors, `${path}.annotations`, metadata?.["annotations"]);
  errors.push(...validateLabels(metadata?.["labels"], `${path}.labels`));
}
