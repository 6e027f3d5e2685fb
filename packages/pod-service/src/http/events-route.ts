import type { ServerResponse } from "node:http";
import type { ClusterEvent, ClusterEvents } from "../runs/cluster-events.ts";
import { isFinished, type Run } from "../runs/run.ts";
import type { FoundRun } from "../runs/run-request.ts";
import type { Runs } from "../runs/runs.ts";
import type { EventStreams } from "./event-stream.ts";

/**
 * Tells what happens to a run until it is over: its state now and each change of it (event "state"), and what the
 * cluster tells of its pod (event "cluster").
 */
export function sendEvents(options: {
  runs: Runs;
  clusterEvents: ClusterEvents;
  streams: EventStreams;
  tenant: string;
  found: FoundRun;
  lastEventId: string | undefined;
  response: ServerResponse;
}): void {
  const { clusterEvents, found, response, runs, streams, tenant } = options;
  const ends: (() => void)[] = [];
  const stream = streams.open(response, () => {
    for (const end of ends) end();
  });
  const tell = (event: ClusterEvent): void => stream.send("cluster", JSON.stringify(event));
  const followed = new Set<string>();
  const follow = ({ kind, name, namespace, phase, pod }: Run): void => {
    if (phase === "Queued") return;
    for (const [ofKind, ofName] of [[kind, name] as const, ["Pod", pod] as const]) {
      if (ofName === undefined || followed.has(`${ofKind}/${ofName}`)) continue;
      followed.add(`${ofKind}/${ofName}`);
      ends.push(clusterEvents.follow(namespace, ofKind, ofName, tell));
    }
  };
  const over = (): void => {
    stream.send("end", "{}");
    stream.end();
  };
  ends.push(
    runs.watchers.watch(tenant, found.run.name, ({ gone, run, version }) => {
      stream.send("state", JSON.stringify(run), String(version));
      if (gone || isFinished(run.phase)) over();
      else follow(run);
    }),
  );
  const id = found.in === "cluster" ? String(found.live.version) : "0";
  if (options.lastEventId !== id || id === "0") stream.send("state", JSON.stringify(found.run), id);
  if (isFinished(found.run.phase)) over();
  else follow(found.run);
}
