import type { KubeObject } from "@podwright/kube";
import { createResourceRegistry } from "../../registry/resource-registry.ts";
import { nativeResources } from "../../resources/native.ts";
import type { ResourceRegistry } from "../../resources/resource.ts";
import { openStorage } from "../../storage/open-storage.ts";
import type { Storage } from "../../storage/storage.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { type Admission, type AdmissionOptions, createAdmission } from "../default-admission.ts";

/** The default admission over a memory storage, for tests. */
export interface AdmissionFixture extends Admission {
  storage: Storage;
  registry: ResourceRegistry;
  /** Stores an object as it is. */
  put(object: KubeObject): Promise<void>;
  attributes(partial: PartialAttributes): AdmissionAttributes & { warnings: string[] };
  [Symbol.asyncDispose](): Promise<void>;
}

export interface PartialAttributes extends Partial<Omit<AdmissionAttributes, "resource">> {
  /** "v1/pods", "apps/v1/deployments"; default "v1/configmaps" */
  resource?: string;
}

export async function openAdmission(options: Partial<AdmissionOptions> = {}): Promise<AdmissionFixture> {
  const storage = await openStorage({ type: "memory" });
  const registry = createResourceRegistry(nativeResources());
  const admission = createAdmission({ storage, registry, randomSuffix: () => "abcde", ...options });
  const lookup = (path: string) => {
    const [plural = "", version = "", group = ""] = path.split("/").reverse();
    const resource = registry.lookup(group, version, plural);
    if (resource === undefined) throw new Error(`nothing is served at ${path}`);
    return resource;
  };
  const fixture: AdmissionFixture = {
    ...admission,
    storage,
    registry,
    async put(object) {
      const [version = "", group = ""] = object.apiVersion.split("/").reverse();
      const { storage: kept, namespaced } = registry.lookupKind(group, version, object.kind) as never as {
        storage: { group: string; plural: string };
        namespaced: boolean;
      };
      const { name, namespace, labels } = object.metadata;
      const key = `/${kept.group}/${kept.plural}/${namespaced ? `${namespace}/` : ""}${name}`;
      await storage.write(key, () => ({
        type: "put",
        encode: () => Buffer.from(JSON.stringify(object)),
        ...(labels === undefined ? {} : { labels }),
      }));
    },
    attributes({ resource = "v1/configmaps", ...partial }) {
      const warnings: string[] = [];
      return {
        operation: "CREATE",
        resource: lookup(resource),
        subresource: "",
        name: partial.object?.metadata.name ?? partial.oldObject?.metadata.name ?? "",
        namespace: partial.object?.metadata.namespace ?? partial.oldObject?.metadata.namespace ?? "",
        user: { username: "jane", uid: "1", groups: ["dev", "system:authenticated"] },
        dryRun: false,
        options: { kind: "CreateOptions", apiVersion: "meta.k8s.io/v1" },
        warn: (text: string) => warnings.push(text),
        warnings,
        ...partial,
      };
    },
    async [Symbol.asyncDispose]() {
      admission.close();
      await storage.close();
    },
  };
  await fixture.put({ apiVersion: "v1", kind: "Namespace", metadata: { name: "default", labels: { team: "a" } } });
  return fixture;
}
