import { configMaps, events, ManualClock } from "@podwright/client";
import { expect, test } from "vitest";
import { startCluster } from "../../start-cluster.ts";
import { until, untilGone } from "../../testing/until.ts";

test("an owner of a kind that is not followed is looked for until it is gone", async () => {
  const clock = new ManualClock();
  await using cluster = await startCluster({ nodes: 0, clock });
  const { client } = cluster;
  const owner = await client.resource(events).create({
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: "owner", namespace: "default" },
    involvedObject: { kind: "Pod", namespace: "default", name: "p" },
    reason: "Test",
  });
  const { name = "", uid = "" } = owner.metadata;
  await client.resource(configMaps).create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name: "owned",
      namespace: "default",
      ownerReferences: [{ apiVersion: "v1", kind: "Event", name, uid }],
    },
  });
  // Looked at once, while its owner is there.
  await new Promise((resolve) => setTimeout(resolve, 200));
  await until(client, configMaps, "owned", () => true);
  await client.resource(events).delete(name, "default");
  const gone = untilGone(client, configMaps, "owned");
  const ticking = setInterval(() => clock.advance(60_000), 20);
  try {
    await gone;
  } finally {
    clearInterval(ticking);
  }
});
