import { Duplex } from "node:stream";
import type { Upgrade } from "../upgrade.ts";
import { acceptWebSocket } from "../websocket/accept.ts";
import { WebSocketChannels } from "../websocket/channels.ts";
import { forward } from "./forward.ts";
import type { PortForwardOptions } from "./serve.ts";

const supported = ["", "v4.channel.k8s.io", "v4.base64.channel.k8s.io"];

/** One connection for each port: channel 2n is its data, 2n+1 its errors; both begin with the port. */
export async function serveWebSocketForwards(
  upgrade: Upgrade,
  options: PortForwardOptions,
  ports: readonly number[],
): Promise<void> {
  const accepted = await acceptWebSocket(upgrade, supported, options.idleMs);
  if (accepted === undefined) return;
  const codec = accepted.protocol.includes("base64") ? "base64" : "binary";
  const channels = new WebSocketChannels(accepted.webSocket, { codec, closeSignal: false });
  const serve = async (port: number, index: number): Promise<void> => {
    const data = channels.output(index * 2);
    const errors = channels.output(index * 2 + 1);
    errors.on("error", () => {});
    const input = channels.input(index * 2);
    const number = Buffer.alloc(2);
    number.writeUInt16LE(port);
    data.write(number);
    errors.write(number);
    const failure = await forward(Duplex.from({ readable: input, writable: data }), port, options);
    if (failure !== undefined) await new Promise((resolve) => errors.write(failure, resolve));
  };
  await Promise.race([Promise.all(ports.map(serve)), channels.closed]);
  channels.close();
}
