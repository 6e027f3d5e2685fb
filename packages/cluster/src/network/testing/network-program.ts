/**
 * A cluster with a service network, as a program of its own, so that it can be started in another network namespace.
 * Reads a line of JSON per request, {"call": METHOD of a resource's client, "ref": …, "args": […]}, and answers with
 * a line each.
 */
import { createInterface } from "node:readline";
import { type Client, InformerFactory, type Logger, type ResourceRef, systemClock } from "@podwright/client";
import { startCluster } from "../../start-cluster.ts";
import { childProcessCommands } from "../host-commands.ts";
import { startServiceNetwork } from "../start-service-network.ts";

const { clusterId, gateway, cidr, commands } = JSON.parse(process.argv[2] ?? "{}");
const say = (message: string, fields?: object): void => {
  process.stderr.write(`${message} ${JSON.stringify(fields ?? {})}\n`);
};
const logger: Logger = { debug() {}, info: say, warn: say, error: say };
const cluster = await startCluster({ nodes: 0, port: 0 });
const client: Client = cluster.client;
const informers = new InformerFactory(client);
informers.start();
const network = await startServiceNetwork({
  clusterId,
  client,
  informers,
  podNetwork: { gateway, cidr },
  hostCommands: commands === false ? undefined : childProcessCommands(),
  apiServer: { host: "127.0.0.1", port: Number(new URL(cluster.server).port) },
  logger,
  clock: systemClock,
});
process.stdout.write(`${JSON.stringify({ clusterDns: network.clusterDns })}\n`);

for await (const line of createInterface({ input: process.stdin })) {
  const { call, ref, args } = JSON.parse(line) as { call: string; ref: ResourceRef; args: unknown[] };
  if (call === "resync") {
    network.resync();
    process.stdout.write("{}\n");
    continue;
  }
  const resource = client.resource(ref) as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const answer = await resource[call]?.(...args).then(
    (value) => ({ value }),
    (error: Error) => ({ error: error.message }),
  );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await network.stop();
await informers.stop();
await cluster.stop();
