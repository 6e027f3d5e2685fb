import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  Client,
  EventRecorder,
  HttpTransport,
  InformerFactory,
  loadKubeconfig,
  pods,
  silentLogger,
  systemClock,
  type Transport,
} from "@podwright/client";
import { expect, test } from "vitest";
import { podInformer } from "../controllers/informers.ts";
import type { Pod } from "../kinds.ts";
import { startCluster } from "../start-cluster.ts";
import { podOf } from "../testing/objects.ts";
import { until } from "../testing/until.ts";
import { createScheduler } from "./scheduler.ts";

test("a pod that changes while it is bound is bound once", async () => {
  const folder = await mkdtemp(join(tmpdir(), "podwright-scheduler-"));
  const kubeconfigPath = join(folder, "kubeconfig");
  await using cluster = await startCluster({ port: 0, kubeconfigPath });
  const network = new HttpTransport(loadKubeconfig({ path: kubeconfigPath }));
  const first = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  let bindings = 0;
  const slow: Transport = {
    async request(request) {
      if (request.path.includes("/binding")) {
        bindings++;
        first.resolve();
        await released.promise;
      }
      return network.request(request);
    },
    close: () => network.close(),
  };
  const client = new Client(slow);
  const informers = new InformerFactory(client);
  const recorder = new EventRecorder(client, { component: "default-scheduler" });
  const scheduler = createScheduler({
    client,
    informers,
    recorder,
    clock: systemClock,
    logger: silentLogger,
    schedulerName: "slow",
  });
  try {
    informers.start();
    await informers.synced();
    scheduler.start();
    const resource = cluster.client.resource<Pod>(pods);
    await resource.create(podOf("p", [{}], { schedulerName: "slow" }));
    await first.promise;
    const seen = new Promise<void>((resolve) => {
      podInformer(informers).onChange({
        updated: ({ metadata }) => {
          if (metadata.labels?.["changed"] === "yes") setImmediate(() => setImmediate(resolve));
        },
      });
    });
    await resource.patch("p", "default", { metadata: { labels: { changed: "yes" } } }, { type: "merge" });
    await seen;
    released.resolve();
    await until<Pod>(cluster.client, pods, "p", (pod) => pod.spec.nodeName === "node-1");
    expect(bindings).toBe(1);
  } finally {
    released.resolve();
    await scheduler.stop();
    await recorder.stop();
    await informers.stop();
    await client.close();
    await rm(folder, { recursive: true, force: true });
  }
});
