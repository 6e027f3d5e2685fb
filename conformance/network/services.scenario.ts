/** What stands behind Services, and what they are given. */
import { endpointSlices, endpoints, pods, services } from "@podwright/client";
import { type KubeObject, StatusError } from "@podwright/kube";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Lane, openLane } from "../lane.ts";

let lane: Lane;
let namespace: string;
const patience = { timeout: 30_000, interval: 100 };

beforeAll(async () => {
  lane = await openLane({ operator: false });
  namespace = await lane.namespace("services");
});
afterAll(() => lane.close());

function service(name: string, spec: object): KubeObject {
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace }, spec } as KubeObject;
}

async function slicesOf(name: string): Promise<KubeObject[]> {
  const { items } = await lane.client.resource(endpointSlices).list({ namespace });
  return items.filter(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === name);
}

describe("Creates at the same moment", () => {
  const create = (count: number, spec: object) =>
    Promise.allSettled(
      Array.from({ length: count }, (_unused, at) =>
        lane.client.resource(services).create({
          ...service("", spec),
          metadata: { generateName: `same-${at}-`, namespace },
        }),
      ),
    );
  const outcome = (results: PromiseSettledResult<KubeObject>[]) => ({
    created: results.filter(({ status }) => status === "fulfilled").length,
    refused: results.flatMap((result) =>
      result.status === "rejected" && result.reason instanceof StatusError ? [result.reason.reason] : [],
    ),
  });

  test("give a ClusterIP to one only", async () => {
    const results = await create(5, { clusterIP: "10.96.77.77", ports: [{ port: 80 }] });
    expect(outcome(results)).toEqual({ created: 1, refused: Array(4).fill("Invalid") });
  });

  test("give a node port to one only", async () => {
    const results = await create(5, { type: "NodePort", ports: [{ port: 80, nodePort: 32_077 }] });
    expect(outcome(results)).toEqual({ created: 1, refused: Array(4).fill("Invalid") });
  });

  test("give addresses that all differ where none is named", async () => {
    const results = await create(20, { type: "NodePort", ports: [{ port: 80 }] });
    const made = results.flatMap((result) => (result.status === "fulfilled" ? [result.value["spec"]] : []));
    expect(new Set(made.map(({ clusterIP }) => clusterIP)).size).toBe(20);
    expect(new Set(made.map(({ ports }) => ports[0].nodePort)).size).toBe(20);
  });
});

test("Slices of a headless Service have the pods' host names and conditions", async () => {
  await lane.client.resource(services).create(service("db", { clusterIP: "None", selector: { app: "db" } }));
  const container = { name: "main", image: "busybox:1", command: ["sleep", "1000"] };
  await lane.client.resource(pods).create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "db", namespace, labels: { app: "db" } },
    spec: { hostname: "db-0", subdomain: "db", containers: [container] },
  } as KubeObject);
  await vi.waitFor(async () => {
    expect(await slicesOf("db")).toMatchObject([
      {
        metadata: { labels: { "service.kubernetes.io/headless": "" } },
        endpoints: [
          {
            conditions: { ready: true, serving: true, terminating: false },
            hostname: "db-0",
            targetRef: { kind: "Pod", name: "db" },
          },
        ],
      },
    ]);
  }, patience);
  const { metadata } = await lane.client.resource(endpoints).get("db", namespace);
  expect(metadata.labels).toMatchObject({ "service.kubernetes.io/headless": "" });
});

test("Endpoints made by hand for a Service without a selector become slices", async () => {
  await lane.client.resource(services).create(service("outside", { ports: [{ port: 5432 }] }));
  await lane.client.resource(endpoints).create({
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { name: "outside", namespace, labels: { tier: "data" } },
    subsets: [
      {
        addresses: [{ ip: "192.0.2.7", hostname: "one" }],
        notReadyAddresses: [{ ip: "192.0.2.8" }],
        ports: [{ port: 5432 }],
      },
    ],
  } as KubeObject);
  await vi.waitFor(async () => expect(await slicesOf("outside")).toHaveLength(1), patience);
  const [slice] = await slicesOf("outside");
  expect(slice).toMatchObject({
    metadata: {
      labels: { tier: "data", "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io" },
      ownerReferences: [{ apiVersion: "v1", kind: "Endpoints", name: "outside", controller: true }],
    },
    addressType: "IPv4",
    ports: [{ name: "", port: 5432, protocol: "TCP" }],
  });
  // Upstream has them in no order.
  expect(slice?.["endpoints"]).toEqual(
    expect.arrayContaining([
      { addresses: ["192.0.2.7"], hostname: "one", conditions: { ready: true } },
      { addresses: ["192.0.2.8"], conditions: { ready: false } },
    ]),
  );
  await lane.client.resource(endpoints).delete("outside", namespace);
  await vi.waitFor(async () => expect(await slicesOf("outside")).toEqual([]), patience);
});
