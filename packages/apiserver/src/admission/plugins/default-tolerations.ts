import type { AdmissionPlugin } from "../admission.ts";
import { isCore } from "../refusal.ts";

const taints = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
const seconds = 300;

interface Toleration {
  key?: string;
  operator?: string;
  effect?: string;
  tolerationSeconds?: number;
}

/**
 * DefaultTolerationSeconds: a pod stays five minutes on a node that is not ready or not reachable, unless it says
 * otherwise (k8s.io/kubernetes/plugin/pkg/admission/defaulttolerationseconds/admission.go).
 */
export function defaultTolerations(): AdmissionPlugin {
  return {
    name: "DefaultTolerationSeconds",
    handles: (attributes) =>
      (attributes.operation === "CREATE" || attributes.operation === "UPDATE") && isCore(attributes, "pods"),
    mutate({ object }) {
      const spec = object?.["spec"] as { tolerations?: Toleration[] } | undefined;
      if (spec === undefined) return;
      const present = spec.tolerations ?? [];
      const missing = taints.filter((key) => !present.some((toleration) => tolerates(toleration, key)));
      if (missing.length === 0) return;
      const added = missing.map((key) => ({
        key,
        operator: "Exists",
        effect: "NoExecute",
        tolerationSeconds: seconds,
      }));
      spec.tolerations = [...present, ...added];
    },
  };
}

function tolerates({ key = "", effect = "" }: Toleration, taint: string): boolean {
  return (key === taint || key === "") && (effect === "NoExecute" || effect === "");
}
