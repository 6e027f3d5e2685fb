import { endpoints, services } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Cluster, startCluster } from "../../start-cluster.ts";
import { until, untilGone } from "../../testing/until.ts";

let cluster: Cluster;
beforeEach(async () => {
  cluster = await startCluster({ nodes: 0 });
});
afterEach(() => cluster.stop());

const service = (name: string): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default" },
  spec: { selector: { app: name }, ports: [{ port: 80 }] },
});

test("Endpoints that somebody deletes come back", async () => {
  const { client } = cluster;
  await client.resource(services).create(service("web"));
  const first = await until(client, endpoints, "web", () => true);
  await client.resource(endpoints).delete("web", "default");
  const second = await until(client, endpoints, "web", ({ metadata }) => metadata.uid !== first.metadata.uid);
  expect(second.metadata.name).toBe("web");
});

test("Endpoints go with their Service, however soon it goes", async () => {
  const { client } = cluster;
  const names = Array.from({ length: 40 }, (_unused, index) => `web-${index}`);
  await Promise.all(
    names.map(async (name, index) => {
      await client.resource(services).create(service(name));
      for (let turn = 0; turn < index % 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      await client.resource(services).delete(name, "default");
    }),
  );
  await Promise.all(names.map((name) => untilGone(client, endpoints, name)));
});
