import { labelSelectorFromObject, labelSelectorFromSet } from "@podwright/kube";
import type { ScaleMapping } from "../resources/resource.ts";

/** The Scale of workloads with spec.replicas, status.replicas and a label selector. */
export const workloadScale: ScaleMapping = {
  specReplicas: (object) => object["spec"]?.replicas,
  statusReplicas: (object) => object["status"]?.replicas ?? 0,
  selector: (object) => labelSelectorFromObject(object["spec"]?.selector).toString(),
  setReplicas(object, replicas) {
    object["spec"] = { ...object["spec"], replicas };
  },
};

/** The same where the selector is a set of labels. */
export const replicationControllerScale: ScaleMapping = {
  ...workloadScale,
  selector: (object) => labelSelectorFromSet(object["spec"]?.selector).toString(),
};
