import { type InformerFactory, namespaces, nodes, pods } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import type { FreshInformers } from "./freshener.ts";
import { freshLabel, settingKeys } from "./keys.ts";
import type { NodeFacts } from "./placement.ts";
import { toPodFacts } from "./pod-index.ts";
import type { NamespaceWish } from "./settings.ts";
import { toWorkload, workloadRefs } from "./workload.ts";

/** What of workloads, pods, nodes and namespaces new images are about. */
export function workInformers(informers: InformerFactory): FreshInformers {
  const of = (kind: keyof typeof workloadRefs) => informers.for(workloadRefs[kind], { transform: asWorkload });
  return {
    workloads: {
      Deployment: of("Deployment"),
      StatefulSet: of("StatefulSet"),
      DaemonSet: of("DaemonSet"),
      CronJob: of("CronJob"),
    },
    pods: informers.for(pods, { managedFields: false, transform: asPod }),
    nodes: informers.for(nodes, { managedFields: false, transform: asNode }),
    namespaces: informers.for(namespaces, { managedFields: false, transform: asNamespace }),
  } as FreshInformers;
}

const asWorkload = (object: KubeObject): KubeObject => toWorkload(object);
const asPod = (object: KubeObject): KubeObject => toPodFacts(object);

function asNode(node: KubeObject): KubeObject & { facts: NodeFacts } {
  const { name = "", uid, resourceVersion, labels = {} } = node.metadata;
  return {
    ...named(node),
    metadata: { name, ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) },
    facts: {
      name,
      labels,
      taints: node["spec"]?.taints ?? [],
      unschedulable: node["spec"]?.unschedulable === true,
    },
  };
}

function asNamespace(namespace: KubeObject): KubeObject & NamespaceWish {
  const { name = "", uid, resourceVersion, labels = {}, annotations = {} } = namespace.metadata;
  const said = labels[freshLabel];
  return {
    ...named(namespace),
    metadata: { name, ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) },
    labels: said === undefined ? {} : { [freshLabel]: said },
    annotations: Object.fromEntries(Object.entries(annotations).filter(([key]) => settingKeys.includes(key as never))),
  };
}

function named({ apiVersion, kind }: KubeObject): Pick<KubeObject, "apiVersion" | "kind"> {
  return { apiVersion, kind };
}
