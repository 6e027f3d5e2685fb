import {
  AppsV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  makeInformer,
  type V1ConfigMap,
} from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Lane, openLane } from "../lane.ts";

// The official JavaScript client, as its users use it.
let lane: Lane;
let config: KubeConfig;
beforeAll(async () => {
  lane = await openLane();
  config = new KubeConfig();
  config.loadFromFile(lane.kubeconfig);
});
afterAll(() => lane?.close());

test("creates, reads, replaces, lists and deletes", async () => {
  const namespace = await lane.namespace("client-node");
  const api = config.makeApiClient(CoreV1Api);
  const body = { metadata: { name: "c", labels: { a: "b" } }, data: { key: "1" } };
  const made = await api.createNamespacedConfigMap({ namespace, body });
  expect(made.metadata?.creationTimestamp).toBeInstanceOf(Date);
  const replaced = await api.replaceNamespacedConfigMap({
    name: "c",
    namespace,
    body: { ...made, data: { key: "2" } },
  });
  expect(replaced.data).toEqual({ key: "2" });
  await expect(
    api.replaceNamespacedConfigMap({ name: "c", namespace, body: { ...made, data: { key: "3" } } }),
  ).rejects.toMatchObject({ code: 409 });
  expect((await api.listNamespacedConfigMap({ namespace, labelSelector: "a=b" })).items).toHaveLength(1);
  await api.deleteNamespacedConfigMap({ name: "c", namespace });
  await expect(api.readNamespacedConfigMap({ name: "c", namespace })).rejects.toMatchObject({ code: 404 });
});

test("an informer sees what is there and what comes", async () => {
  const namespace = await lane.namespace("client-node-informer");
  const api = config.makeApiClient(CoreV1Api);
  const create = (name: string) => api.createNamespacedConfigMap({ namespace, body: { metadata: { name } } });
  await create("before");
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const informer = makeInformer<V1ConfigMap>(config, path, () => api.listNamespacedConfigMap({ namespace }));
  const added: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  informer.on("add", (map) => {
    added.push(map.metadata?.name ?? "");
    if (map.metadata?.name === "after") resolve();
  });
  await informer.start();
  await create("after");
  await promise;
  expect(added).toContain("before");
  await informer.stop();
});

test("scales a Deployment and reads custom objects", async () => {
  const namespace = await lane.namespace("client-node-apps");
  const apps = config.makeApiClient(AppsV1Api);
  const labels = { app: "web" };
  await apps.createNamespacedDeployment({
    namespace,
    body: {
      metadata: { name: "web" },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: "main", image: "app:1" }] } },
      },
    },
  });
  const scale = await apps.readNamespacedDeploymentScale({ name: "web", namespace });
  expect(scale.spec?.replicas ?? 0).toBe(0);
  const custom = config.makeApiClient(CustomObjectsApi);
  const list = await custom.listNamespacedCustomObject({
    group: "nanopod.nanopod.treezh.cn",
    version: "v1",
    namespace,
    plural: "nanopods",
  });
  expect(list).toMatchObject({ kind: "NanoPodList", items: [] });
});
