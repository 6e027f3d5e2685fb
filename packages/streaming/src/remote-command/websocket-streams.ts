import type { ExecSessionOptions } from "../session.ts";
import { offeredProtocols, type Upgrade } from "../upgrade.ts";
import { acceptWebSocket } from "../websocket/accept.ts";
import { WebSocketChannels } from "../websocket/channels.ts";
import { type ClientStreams, statusText } from "./client-streams.ts";

const v5 = "v5.channel.k8s.io";
/** Of older clients; those that offer v5 get v5 or nothing, as upstream has it. */
const olderProtocols = [
  "",
  "channel.k8s.io",
  "base64.channel.k8s.io",
  "v4.channel.k8s.io",
  "v4.base64.channel.k8s.io",
  "v3.channel.k8s.io",
  "v2.channel.k8s.io",
];
const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 };
/** A hung client may hold up the last message for so long. */
const statusMs = 10_000;

/** The client asks for the protocol that can say that its input has ended. */
export function offersV5(upgrade: Upgrade): boolean {
  return offeredProtocols(upgrade.request.headers).includes(v5);
}

/** Answers with a WebSocket. Undefined when it refused. */
export async function webSocketClientStreams(
  upgrade: Upgrade,
  { stdin, stdout, stderr, idleMs }: ExecSessionOptions & { idleMs?: number },
): Promise<ClientStreams | undefined> {
  const accepted = await acceptWebSocket(upgrade, offersV5(upgrade) ? [v5] : olderProtocols, idleMs);
  if (accepted === undefined) return undefined;
  const { webSocket, protocol } = accepted;
  const codec = protocol.includes("base64") ? "base64" : "binary";
  const channels = new WebSocketChannels(webSocket, { codec, closeSignal: protocol === v5 });
  const errors = channels.output(channel.error);
  errors.on("error", () => {});
  const streams: ClientStreams = {
    stdin: stdin ? channels.input(channel.stdin) : undefined,
    stdout: stdout ? channels.output(channel.stdout) : undefined,
    stderr: stderr ? channels.output(channel.stderr) : undefined,
    resizes: channels.input(channel.resize),
    sendStatus: (status) =>
      new Promise((resolve) => {
        const text = statusText(status, protocol.startsWith("v5.") || protocol.startsWith("v4."));
        if (text === "") return resolve();
        const timer = setTimeout(resolve, statusMs);
        errors.write(text, () => {
          clearTimeout(timer);
          resolve();
        });
      }),
    close: () => channels.close(),
    closed: channels.closed,
  };
  channels.announce(stdout ? channel.stdout : stderr ? channel.stderr : channel.error);
  return streams;
}
