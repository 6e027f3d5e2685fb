import { cloneJson, formatApiVersion, type JsonValue, type KubeObject, parseApiVersion } from "@podwright/kube";
import type { Conversion, ServerConversion, WebhookConversion } from "../resources/conversion.ts";
import type { Definition, DefinitionVersion } from "./definition.ts";
import { createVersionSchema, type VersionSchema } from "./version-schema.ts";
import type { ObjectConverter } from "./webhook-converter.ts";

/** What conversions of one definition's versions share. */
interface Versions {
  /** "example.com/v2": of the resource. */
  own: string;
  /** The same of what is stored. */
  stored: string;
  schemaOf(apiVersion: string): VersionSchema;
}

/**
 * Between a version's form and the stored one; undefined where nothing can differ. What was stored before the schema
 * last changed is pruned and defaulted again when it is read, as upstream's decoder does, and what has another version
 * yet was stored when that one was the storage version.
 *
 * @param schema the version's own
 * @param webhook what converts with strategy Webhook; undefined with strategy None
 */
export function conversionOf(
  definition: Definition,
  version: DefinitionVersion,
  schema: VersionSchema,
  webhook: ObjectConverter | undefined,
): Conversion | undefined {
  const { spec, metadata } = definition;
  const stored = spec.versions.find((each) => each.storage) ?? version;
  const schemaMayHaveChanged = (metadata.generation ?? 1) > 1;
  if (stored.name === version.name && !schemaMayHaveChanged) return undefined;
  const schemas = new Map([[version.name, schema]]);
  const versions: Versions = {
    own: formatApiVersion(spec.group, version.name),
    stored: formatApiVersion(spec.group, stored.name),
    schemaOf(apiVersion) {
      const { version: name } = parseApiVersion(apiVersion);
      const known = schemas.get(name);
      if (known !== undefined) return known;
      const made = createVersionSchema(spec.versions.find((each) => each.name === name)?.schema?.openAPIV3Schema);
      schemas.set(name, made);
      return made;
    },
  };
  return webhook === undefined ? renamed(versions) : askedOf(webhook, versions);
}

/** With strategy None only the apiVersion differs, and what either version's schema does not know is lost. */
function renamed({ own, stored, schemaOf }: Versions): ServerConversion {
  const rewrite = (object: KubeObject, apiVersion: string): KubeObject => ({ ...cloneObject(object), apiVersion });
  return {
    by: "server",
    toStorage(object) {
      if (own === stored) return object;
      const written = rewrite(object, stored);
      schemaOf(stored).coerce(written);
      return written;
    },
    fromStorage(object) {
      const read = rewrite(object, own);
      schemaOf(stored).coerce(read);
      schemaOf(stored).setDefaults(read);
      if (own !== stored) schemaOf(own).coerce(read);
      return read;
    },
  };
}

function askedOf(convert: ObjectConverter, { own, stored, schemaOf }: Versions): WebhookConversion {
  const sharedObjects = new WeakMap<KubeObject, Promise<KubeObject>>();

  /** What a version does not know is lost. A webhook sees no resourceVersion here: upstream keeps none in objects. */
  async function converted(objects: readonly KubeObject[], apiVersion: string): Promise<KubeObject[]> {
    if (objects.every((object) => object.apiVersion === apiVersion)) return [...objects];
    const answered = await convert(objects.map(withoutRevision), apiVersion);
    return answered.map((object, index) => {
      const original = objects[index] as KubeObject;
      if (original.apiVersion === apiVersion) return original;
      schemaOf(apiVersion).coerce(object);
      const { resourceVersion } = original.metadata;
      if (resourceVersion !== undefined) object.metadata.resourceVersion = resourceVersion;
      return object;
    });
  }

  async function fromStorage(objects: KubeObject[]): Promise<KubeObject[]> {
    for (const object of objects) {
      const schema = schemaOf(object.apiVersion);
      schema.coerce(object);
      schema.setDefaults(object);
    }
    return await converted(objects, own);
  }

  async function convertShared(object: KubeObject): Promise<KubeObject> {
    try {
      const [outcome] = await fromStorage([cloneObject(object)]);
      return outcome as KubeObject;
    } catch (error) {
      // Whoever asks again may have more luck.
      sharedObjects.delete(object);
      throw error;
    }
  }

  return {
    by: "webhook",
    convert,
    toStorage: async (object) => (await converted([object], stored))[0] as KubeObject,
    fromStorage,
    shared(object) {
      const under = sharedObjects.get(object) ?? convertShared(object);
      sharedObjects.set(object, under);
      return under;
    },
  };
}

function withoutRevision(object: KubeObject): KubeObject {
  const { resourceVersion: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

function cloneObject(object: KubeObject): KubeObject {
  return cloneJson(object as JsonValue) as KubeObject;
}
