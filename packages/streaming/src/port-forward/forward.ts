import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";

/**
 * Copies between a client's stream and a connection to the pod's port until both directions have ended. Gives what to
 * tell the client when there is no such connection.
 */
export async function forward(
  stream: Duplex,
  port: number,
  { pod, dial }: { pod: string; dial(port: number): Promise<Duplex> },
): Promise<string | undefined> {
  let target: Duplex;
  try {
    target = await dial(port);
  } catch (error) {
    return `error forwarding port ${port} to pod ${pod}, uid : ${(error as Error).message}`;
  }
  stream.on("error", () => {});
  target.on("error", () => {});
  // One that breaks takes the other with it: pipeline destroys both.
  await Promise.allSettled([pipeline(stream, target), pipeline(target, stream)]);
  return undefined;
}
