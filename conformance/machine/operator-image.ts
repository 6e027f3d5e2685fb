import { join } from "node:path";
import { buildImage } from "../../scripts/image.ts";
import type { NodeLane } from "../node-lane.ts";
import { type Dockerd, startDockerd } from "./dockerd.ts";
import { removeFolder, shortFolder } from "./folder.ts";
import { nodeRootFs } from "./node-base.ts";

const tag = "docker.io/library/podwright:test";

/** Builds the operator's image, podwright:test, on the base that this machine's Node.js makes, and puts it on the node. */
export async function putOperatorImage(lane: Pick<NodeLane, "docker" | "loadArchive">): Promise<void> {
  if (lane.docker !== undefined) return build(lane.docker);
  const folder = await shortFolder("pwd-");
  const builder = await startDockerd({ folder });
  try {
    await build(builder);
    const archive = join(folder, "podwright.tar");
    await builder.docker("save", "-o", archive, tag);
    await lane.loadArchive(archive);
  } finally {
    await builder.stop();
    await removeFolder(folder);
  }
}

async function build(builder: Dockerd): Promise<void> {
  await builder.dockerWith(await nodeRootFs(), "import", "-", "node:24-slim");
  await buildImage({ tag, base: "node:24-slim", env: { DOCKER_HOST: `unix://${builder.socket}` } });
}
