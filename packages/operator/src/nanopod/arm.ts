import { applyStrategicMergePatch, type JsonObject, type KubeObject, messageOf, nativeTypes } from "@podwright/kube";
import { armedByKey, defaultNanoPod, type NanoPod, nanoPodsKey } from "./nanopod.ts";

/** What arming came to. */
export interface Armed {
  /** The pod with all templates merged in; the one given when there was nothing to merge. */
  pod: KubeObject;
  /** Names that no NanoPod of the namespace has, in the order asked for. */
  missing: string[];
  /** NanoPods that could not be merged, with the reason; the others were. */
  failed: { name: string; message: string }[];
}

/**
 * The names of the NanoPods that a pod asks for, in the order they are applied: `default`, the label's, those in
 * the annotation (separated by commas or white space). Each counts once. A pod without the label asks for none.
 */
export function requestedNanoPods(pod: KubeObject): string[] {
  const label = pod.metadata.labels?.[nanoPodsKey];
  if (label === undefined) return [];
  const listed = pod.metadata.annotations?.[nanoPodsKey] ?? "";
  const names = [defaultNanoPod, ...label.split(","), ...listed.split(/[\s,]+/)];
  return [...new Set(names.map((name) => name.trim()).filter((name) => name !== ""))];
}

/**
 * Merges the templates of the NanoPods that a pod asks for into it, each a Kubernetes strategic merge patch
 * (k8s.io/apimachinery/pkg/util/strategicpatch) on what the one before it gave, and notes them in the annotation
 * `podwright.dev/armed-by`. The pod given is not changed. Arming an armed pod again changes nothing.
 *
 * @param lookup finds a NanoPod of the pod's namespace by name
 */
export function armPod(pod: KubeObject, lookup: (name: string) => NanoPod | undefined): Armed {
  const schema = nativeTypes().patchSchema("io.k8s.api.core.v1.Pod");
  const armed: Armed = { pod, missing: [], failed: [] };
  const armedBy: string[] = [];
  for (const name of requestedNanoPods(pod)) {
    const nanoPod = lookup(name);
    if (nanoPod === undefined) {
      if (name !== defaultNanoPod) armed.missing.push(name);
      continue;
    }
    try {
      armed.pod = applyStrategicMergePatch(
        armed.pod as unknown as JsonObject,
        podPatch(nanoPod),
        schema,
      ) as unknown as KubeObject;
      armedBy.push(`${name}@${nanoPod.metadata.generation ?? 0}`);
    } catch (error) {
      armed.failed.push({ name, message: messageOf(error) });
    }
  }
  if (armedBy.length > 0) {
    const { metadata } = armed.pod;
    armed.pod = {
      ...armed.pod,
      metadata: { ...metadata, annotations: { ...metadata.annotations, [armedByKey]: armedBy.join(",") } },
    };
  }
  return armed;
}

/** The template as a patch of a pod: its spec, and of its metadata what a template may set. */
function podPatch(nanoPod: NanoPod): JsonObject {
  const template = nanoPod.spec?.template ?? {};
  const { creationTimestamp: _, name: __, namespace: ___, ...metadata } = (template["metadata"] ?? {}) as JsonObject;
  return { ...template, metadata };
}
