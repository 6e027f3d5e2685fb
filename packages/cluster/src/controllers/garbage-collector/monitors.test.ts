import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  Client,
  customResourceDefinitions,
  HttpTransport,
  InformerFactory,
  loadKubeconfig,
  silentLogger,
  systemClock,
} from "@podwright/client";
import { test } from "vitest";
import { startCluster } from "../../start-cluster.ts";
import { until } from "../../testing/until.ts";
import { Monitors } from "./monitors.ts";

test("a kind that cannot be read holds up neither the others nor the end", async () => {
  const folder = await mkdtemp(join(tmpdir(), "podwright-monitors-"));
  const kubeconfigPath = join(folder, "kubeconfig");
  await using cluster = await startCluster({ port: 0, kubeconfigPath, nodes: 0 });
  const network = new HttpTransport(loadKubeconfig({ path: kubeconfigPath }));
  const asked = Promise.withResolvers<void>();
  const client = new Client({
    async request(request) {
      if (!request.path.includes("/secrets")) return network.request(request);
      asked.resolve();
      throw new Error("not now");
    },
    close: () => network.close(),
  });
  const informers = new InformerFactory(client);
  informers.start();
  const told = Promise.withResolvers<void>();
  const monitors = new Monitors(
    client,
    informers,
    { clock: systemClock, logger: silentLogger },
    { changed: ({ kind }) => kind === "Widget" && told.resolve(), deleted: () => {} },
  );
  const refreshed = monitors.refresh();
  await asked.promise;

  const widgets = { group: "example.com", version: "v1", resource: "widgets", kind: "Widget", namespaced: true };
  await cluster.client.resource(customResourceDefinitions).create({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "widgets.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { kind: "Widget", plural: "widgets" },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
    },
  });
  await until(cluster.client, customResourceDefinitions, "widgets.example.com", (definition) =>
    JSON.stringify(definition["status"] ?? {}).includes("Established"),
  );
  await cluster.client
    .resource(widgets)
    .create({ apiVersion: "example.com/v1", kind: "Widget", metadata: { name: "w", namespace: "default" } });
  const again = monitors.refresh();
  await told.promise;

  await monitors.stop();
  await Promise.all([refreshed, again]);
  await informers.stop();
  await client.close();
  await rm(folder, { recursive: true, force: true });
});
