import type { Exchange } from "../differential/exchange.ts";

export const configMaps = "/api/v1/namespaces/default/configmaps";
export const pods = "/api/v1/namespaces/default/pods";
export const podTemplates = "/api/v1/namespaces/default/podtemplates";
export const services = "/api/v1/namespaces/default/services";
export const deployments = "/apis/apps/v1/namespaces/default/deployments";

export const mergePatch = "application/merge-patch+json";
export const jsonPatch = "application/json-patch+json";
export const strategicPatch = "application/strategic-merge-patch+json";
const applyPatch = "application/apply-patch+yaml";

export function configMap(name: string, data: object, metadata: object = {}): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...metadata }, data };
}

/** No scheduler knows it, so that nothing happens to it on a real cluster. */
export function pod(name: string, containers: object[] = [{ name: "c", image: "busybox" }]): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { schedulerName: "nobody", automountServiceAccountToken: false, containers },
  };
}

/** A kind that no controller writes to. */
export function podTemplate(name: string, spec: object, rest: object = {}): object {
  return { apiVersion: "v1", kind: "PodTemplate", metadata: { name, ...rest }, template: { spec } };
}

/** Paused and without replicas: its controller writes its status only. */
export function deployment(name: string, spec: object = {}): object {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      paused: true,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "c", image: "busybox" }] } },
      ...spec,
    },
  };
}

export const get = (title: string, path: string): Exchange => ({ title, method: "GET", path });
export const post = (title: string, path: string, body: unknown): Exchange => ({ title, method: "POST", path, body });
export const put = (title: string, path: string, body: unknown): Exchange => ({ title, method: "PUT", path, body });
export const patch = (title: string, path: string, contentType: string, body: unknown): Exchange => ({
  title,
  method: "PATCH",
  path,
  contentType,
  body,
});
export const remove = (path: string): Exchange => ({ title: `delete ${path}`, method: "DELETE", path, silent: true });

/** A server-side apply. `manager` is the query: "one", "one&force=true". */
export const apply = (title: string, path: string, manager: string, body: unknown): Exchange =>
  patch(title, `${path}?fieldManager=${manager}`, applyPatch, body);
