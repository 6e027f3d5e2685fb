import { type Client, type Clock, Informer, type Logger, pods } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { formatReference, tryReference } from "../reference.ts";

/** The images that pods ask for. */
export interface AskedNames {
  /** By whole name: "docker.io/library/app:1". */
  has(name: string): boolean;
  stop(): Promise<void>;
}

interface Asking extends KubeObject {
  names: readonly string[];
}

/** Follows the pods, those of a node where one is named; `onChange` is told when one asks for something new. */
export function followAskedNames(
  options: { client: Client; node?: string; clock: Clock; logger: Logger },
  onChange: () => void,
): AskedNames {
  const { client, node, clock, logger } = options;
  const counts = new Map<string, number>();
  const count = ({ names }: Asking, by: 1 | -1): boolean => {
    let isNew = false;
    for (const name of names) {
      const before = counts.get(name) ?? 0;
      if (before === 0) isNew = true;
      if (before + by > 0) counts.set(name, before + by);
      else counts.delete(name);
    }
    return isNew;
  };
  const informer = new Informer<Asking>(client.resource<Asking>(pods), {
    clock,
    logger,
    transform: toAsking,
    ...(node === undefined ? {} : { fieldSelector: `spec.nodeName=${node}` }),
  });
  informer.onChange({
    added(pod) {
      if (count(pod, 1)) onChange();
    },
    updated(pod, old) {
      const isNew = count(pod, 1);
      count(old, -1);
      if (isNew) onChange();
    },
    deleted: (pod) => void count(pod, -1),
  });
  informer.start();
  return { has: (name) => counts.has(name), stop: () => informer.stop() };
}

function toAsking(pod: KubeObject): Asking {
  const { name = "", namespace = "", uid = "", resourceVersion = "" } = pod.metadata;
  const { initContainers = [], containers = [] } = pod["spec"] ?? {};
  const images = [...initContainers, ...containers].map(({ image = "" }: { image?: string }) => tryReference(image));
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, uid, resourceVersion },
    names: [...new Set(images.flatMap((each) => (each === undefined ? [] : formatReference(each))))],
  };
}
