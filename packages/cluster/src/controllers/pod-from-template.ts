import { cloneJson, type KubeObject } from "@podwright/kube";
import type { Pod, PodTemplate } from "../kinds.ts";
import { controllerReference } from "../owner-references.ts";

/** The pod that a template asks for, controlled by its parent (controller_utils.go, GetPodFromTemplate). */
export function podFromTemplate(template: PodTemplate, parent: KubeObject): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      generateName: `${parent.metadata.name}-`,
      namespace: parent.metadata.namespace ?? "",
      ...(labels ? { labels: { ...labels } } : {}),
      ...(annotations ? { annotations: { ...annotations } } : {}),
      ...(finalizers ? { finalizers: [...finalizers] } : {}),
      ownerReferences: [controllerReference(parent)],
    },
    spec: cloneJson(template.spec),
  };
}
