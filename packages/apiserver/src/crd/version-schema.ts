import {
  decodeNative,
  defaultBySchema,
  type FieldError,
  type JsonObject,
  type JsonValue,
  type KubeObject,
  pruneBySchema,
  validateBySchema,
} from "@podwright/kube";
import { compilePattern } from "./compile-pattern.ts";
import { coerceEmbedded, hasEmbeddedResources, validateEmbedded } from "./embedded-resources.ts";
import { dropNulls } from "./nulls.ts";
import { ignoreUnchanged } from "./ratcheting.ts";

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
  readonly hasDefaults: boolean;
}

const objectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/** @param schema spec.versions[].schema.openAPIV3Schema; absent: everything is kept and nothing is checked */
export function createVersionSchema(schema: JsonObject | undefined): VersionSchema {
  const root = schema ?? { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  let embedded: boolean | undefined;
  const withEmbedded = () => {
    embedded ??= hasEmbeddedResources(root);
    return embedded;
  };
  let defaults: boolean | undefined;
  const statusSchema = (root["properties"] as Record<string, JsonObject> | undefined)?.["status"];

  return {
    coerce(object) {
      const { apiVersion, kind, metadata, ...rest } = object;
      const meta = decodeNative((metadata ?? {}) as JsonValue, objectMeta);
      const unknown = meta.unknown.map((path) => `metadata.${path}`);
      unknown.push(...pruneBySchema(rest, root));
      dropNulls(rest, root);
      if (withEmbedded()) unknown.push(...coerceEmbedded(rest, root, decodeMetadata));
      for (const field of Object.keys(object)) if (!(field in rest)) delete object[field];
      Object.assign(object, { apiVersion, kind, metadata: meta.object }, rest);
      return unknown;
    },
    setDefaults(object) {
      defaultBySchema(object, root);
    },
    validate(object, old) {
      const errors = validateBySchema(object, root, "", { compilePattern });
      if (withEmbedded()) errors.push(...validateEmbedded(object, root));
      return old === undefined ? errors : ignoreUnchanged(errors, object, old, root);
    },
    validateStatus(object, old) {
      if (statusSchema === undefined || object["status"] === undefined) return [];
      const errors = validateBySchema(object["status"], statusSchema, "status", { compilePattern });
      return ignoreUnchanged(errors, object, old, root);
    },
    get hasDefaults() {
      defaults ??= JSON.stringify(root).includes('"default":');
      return defaults;
    },
  };
}

function decodeMetadata(value: JsonValue): { object: JsonObject; unknown: string[] } {
  return decodeNative(value, objectMeta);
}
