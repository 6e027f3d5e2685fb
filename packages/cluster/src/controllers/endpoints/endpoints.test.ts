import { endpoints, services } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Cluster, startCluster } from "../../start-cluster.ts";
import { until } from "../../testing/until.ts";

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
