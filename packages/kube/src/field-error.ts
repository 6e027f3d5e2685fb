import type { JsonValue } from "./object.ts";

/** What is wrong with one field (k8s.io/apimachinery/pkg/util/validation/field/errors.go). */
export interface FieldError {
  type:
    | "Invalid"
    | "Required"
    | "NotSupported"
    | "Duplicate"
    | "Forbidden"
    | "TooLong"
    | "TooMany"
    | "NotFound"
    | "TypeInvalid"
    | "Internal";
  /** e.g. "spec.containers[0].image" */
  field: string;
  badValue?: JsonValue | undefined;
  detail: string;
}
