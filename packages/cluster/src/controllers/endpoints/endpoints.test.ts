import { endpointSlices, endpoints, services } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
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

describe("EndpointSlices of Endpoints made by hand", () => {
  const alone = (spec: object = {}): KubeObject => ({ ...service("db"), spec: { ports: [{ port: 5432 }], ...spec } });
  const byHand: KubeObject = {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { name: "db", namespace: "default", labels: { tier: "data" } },
    subsets: [
      {
        addresses: [{ ip: "192.0.2.7", hostname: "one" }],
        notReadyAddresses: [{ ip: "192.0.2.8" }],
        ports: [{ port: 5432 }],
      },
    ],
  };
  const slicesOfDb = async () => {
    const { items } = await cluster.client.resource(endpointSlices).list({ namespace: "default" });
    return items.filter(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === "db");
  };

  test("are made, follow them, and go with them", async () => {
    const { client } = cluster;
    await client.resource(services).create(alone());
    const made = await client.resource(endpoints).create(byHand);
    await vi.waitFor(async () => expect(await slicesOfDb()).toHaveLength(1), 20_000);
    expect((await slicesOfDb())[0]).toMatchObject({
      metadata: {
        labels: { tier: "data", "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io" },
        ownerReferences: [{ kind: "Endpoints", name: "db", controller: true }],
      },
      addressType: "IPv4",
      endpoints: [
        { addresses: ["192.0.2.7"], hostname: "one", conditions: { ready: true } },
        { addresses: ["192.0.2.8"], conditions: { ready: false } },
      ],
      ports: [{ name: "", port: 5432, protocol: "TCP" }],
    });
    await client.resource(endpoints).update({ ...made, subsets: [{ addresses: [{ ip: "192.0.2.9" }] }] });
    await vi.waitFor(async () => {
      expect(await slicesOfDb()).toMatchObject([{ endpoints: [{ addresses: ["192.0.2.9"] }] }]);
    }, 20_000);
    await client.resource(endpoints).delete("db", "default");
    await vi.waitFor(async () => expect(await slicesOfDb()).toEqual([]), 20_000);
  });

  test("go when the Service gets a selector", async () => {
    const { client } = cluster;
    const lonely = await client.resource(services).create(alone());
    await client.resource(endpoints).create(byHand);
    await vi.waitFor(async () => expect(await slicesOfDb()).toHaveLength(1), 20_000);
    await client.resource(services).update({ ...lonely, spec: { ...lonely["spec"], selector: { app: "db" } } });
    await vi.waitFor(async () => {
      const managers = (await slicesOfDb()).map(
        ({ metadata }) => metadata.labels?.["endpointslice.kubernetes.io/managed-by"],
      );
      expect(managers).toEqual(["endpointslice-controller.k8s.io"]);
    }, 20_000);
  });
});

test("Slices and Endpoints of a headless Service say so", async () => {
  const { client } = cluster;
  await client.resource(services).create({ ...service("web"), spec: { ...service("web")["spec"], clusterIP: "None" } });
  const label = { "service.kubernetes.io/headless": "" };
  await vi.waitFor(async () => {
    const { items } = await client.resource(endpointSlices).list({ namespace: "default" });
    const own = items.filter(({ metadata }) => metadata.name?.startsWith("web-"));
    expect(own).toMatchObject([{ metadata: { labels: label } }]);
    expect(await client.resource(endpoints).get("web", "default")).toMatchObject({ metadata: { labels: label } });
  }, 20_000);
});
