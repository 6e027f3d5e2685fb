import {
  createSchemaValidator,
  decodeNative,
  defaultBySchema,
  type FieldError,
  fieldError,
  type JsonObject,
  type JsonValue,
  type KubeObject,
  pruneBySchema,
  pruneNullsBySchema,
  type SchemaValidator,
} from "@podwright/kube";
import { compilePattern } from "./compile-pattern.ts";
import { coerceEmbedded, hasEmbeddedResources, validateEmbedded } from "./embedded-resources.ts";
import { ignoreUnchanged } from "./ratcheting.ts";
import { rootPath } from "./rules/rule.ts";
import { createRuleValidator, type RuleValidator } from "./rules/rule-validator.ts";

/** What a version's schema does to objects. Nothing of it is looked at before the first object comes. */
export interface VersionSchema {
  /**
   * Drops what the schema does not know, and nulls where there may be none; brings metadata into its form. Changes
   * the object. Gives the paths of unknown fields. Throws an Error for metadata of the wrong type.
   */
  coerce(object: KubeObject): string[];
  /** Fills in defaults. Changes the object. */
  setDefaults(object: KubeObject): void;
  /** With an old object, what was wrong before and has not changed is let through (validation ratcheting). */
  validate(object: KubeObject, old: KubeObject | undefined): FieldError[];
  /** The same for the status alone. */
  validateStatus(object: KubeObject, old: KubeObject): FieldError[];
  /**
   * What x-kubernetes-validations says of the whole object, unless the errors found so far keep its rules from making
   * sense.
   */
  validateRules(
    object: KubeObject,
    old: KubeObject | undefined,
    errors: readonly FieldError[],
    warn?: (text: string) => void,
  ): FieldError[];
}

const objectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/** @param schema spec.versions[].schema.openAPIV3Schema; absent: everything is kept and nothing is checked */
export function createVersionSchema(schema: JsonObject | undefined): VersionSchema {
  const root = schema ?? { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const statusSchema = (root["properties"] as Record<string, JsonObject> | undefined)?.["status"];
  let embedded: boolean | undefined;
  const withEmbedded = () => {
    embedded ??= hasEmbeddedResources(root);
    return embedded;
  };
  let rules: { validator: RuleValidator | undefined } | undefined;
  let validators: { root: SchemaValidator; status: SchemaValidator | undefined } | undefined;
  const compiled = () => {
    validators ??= {
      root: createSchemaValidator(root, { compilePattern }),
      status: statusSchema && createSchemaValidator(statusSchema, { compilePattern }),
    };
    return validators;
  };

  return {
    coerce(object) {
      const { apiVersion, kind, metadata, ...rest } = object;
      const meta = decodeMetadata((metadata ?? {}) as JsonValue);
      const unknown = meta.unknown.map((path) => `metadata.${path}`);
      unknown.push(...pruneBySchema(rest, root));
      pruneNullsBySchema(rest, root);
      if (withEmbedded()) unknown.push(...coerceEmbedded(rest, root, decodeMetadata));
      for (const field of Object.keys(object)) if (!(field in rest)) delete object[field];
      Object.assign(object, { apiVersion, kind, metadata: meta.object });
      return unknown;
    },
    setDefaults(object) {
      defaultBySchema(object, root);
    },
    validate(object, old) {
      const errors = compiled().root.validate(object);
      if (withEmbedded()) errors.push(...validateEmbedded(object, root));
      return old === undefined ? errors : ignoreUnchanged(errors, object, old, root);
    },
    validateStatus(object, old) {
      if (object["status"] === undefined) return [];
      const errors = compiled().status?.validate(object["status"], "status") ?? [];
      return ignoreUnchanged(errors, object, old, root);
    },
    validateRules(object, old, errors, warn) {
      rules ??= { validator: createRuleValidator(root) };
      if (rules.validator === undefined) return [];
      return errors.some(({ type }) => blocking.has(type))
        ? [rulesNotChecked]
        : rules.validator.validate(object, old, warn);
    },
  };
}

/** Errors that make rules fail for reasons nobody would understand (customresource/strategy.go, hasBlockingErr). */
const blocking: ReadonlySet<FieldError["type"]> = new Set([
  "NotSupported",
  "Required",
  "TooLong",
  "TooMany",
  "TypeInvalid",
]);

const rulesNotChecked = fieldError.invalid(
  rootPath,
  null,
  "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
);

function decodeMetadata(value: JsonValue): { object: JsonObject; unknown: string[] } {
  return decodeNative(value, objectMeta);
}
