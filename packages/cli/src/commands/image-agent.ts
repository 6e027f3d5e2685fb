import { Client, HttpTransport, type Logger, systemClock } from "@podwright/client";
import { containerdSocket, findEngine, startImageAgent } from "@podwright/operator/image-agent";
import { type ClusterFlags, connectionOf } from "../connection.ts";
import { CommandError } from "../error.ts";
import { untilStopped } from "../process.ts";

interface Options extends ClusterFlags {
  node: string;
  images: string;
  socket?: string;
  sync?: boolean;
}

/** `podwright image-agent`: reports the images of a node until it is told to stop. */
export async function imageAgent(options: Options): Promise<void> {
  const { images: choice } = options;
  if (choice !== "auto" && choice !== "docker" && choice !== "containerd") {
    throw new CommandError(`--images ${choice}: there is docker, containerd and auto`, 2);
  }
  if (options.sync && choice === "docker") {
    throw new CommandError("--sync brings images from docker to containerd: give it with --images containerd", 2);
  }
  const engine = await findEngine({
    choice: options.sync ? "containerd" : choice,
    nodeNamespace: "k8s.io",
    ...(options.socket === undefined ? {} : { socket: options.socket }),
  });
  if (engine === undefined) {
    throw new CommandError("neither docker nor containerd answers on this node: name one with --images and --socket");
  }
  const config = connectionOf(options);
  const client = new Client(new HttpTransport(config), { userAgent: "podwright-image-agent" });
  try {
    const socket = options.socket ?? containerdSocket();
    const agent = await startImageAgent({
      ...(options.sync ? { sync: { socket } } : {}),
      client,
      node: options.node,
      engine,
      clock: systemClock,
      logger: stderrLogger,
    });
    const stopped = untilStopped();
    console.log(`Reports the images of ${engine.kind} as NodeImages ${options.node}. Ctrl-C stops it.`);
    await stopped;
    await agent.stop();
  } finally {
    await client.close();
  }
}

const tell = (message: string, fields: Record<string, unknown> = {}) =>
  console.error(`podwright: ${message} ${JSON.stringify(fields)}`);

const stderrLogger: Logger = { debug() {}, info() {}, warn: tell, error: tell };
