import type { Container, Deployment, Pod, PodSpec } from "../kinds.ts";

/** A pod of the namespace default. */
export function podOf(name: string, containers: Partial<Container>[], spec: Partial<PodSpec> = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default" },
    spec: { ...spec, containers: containers.map(withDefaults) },
  };
}

export function withDefaults(container: Partial<Container>, index = 0): Container {
  return { name: `c${index}`, image: "busybox:1", ...container };
}

/** A Deployment of the namespace default. */
export function deploymentOf(name: string, spec: Partial<Deployment["spec"]> = {}, image = "app:1"): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "default" },
    spec: {
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "main", image }] } },
      ...spec,
    },
  };
}
