import type { JsonObject, KubeObject } from "@podwright/kube";

/** What arms pods: a fragment of a pod template that is merged into the pods which ask for it by name. */
export interface NanoPod extends KubeObject {
  spec?: {
    /** A PodTemplateSpec, as a strategic merge patch. */
    template?: JsonObject;
    /** Upstream has this one value and treats any other as if it were this one. */
    patchStrategy?: string;
  };
}

/** Label that a pod carries to be armed, and annotation that lists more NanoPods (a label value cannot hold a comma). */
export const nanoPodsKey = "nano-pods";

/** Annotation that tells what armed the pod: "default@1,my-nano-pod@3", name@generation in the order applied. */
export const armedByKey = "podwright.dev/armed-by";

/** The NanoPod that every labelled pod of its namespace gets first, if it exists. */
export const defaultNanoPod = "default";
