/** The machine's programs by way of a container, for who is not root but may use docker. */
import { dockerHostCommands, HostCommandError } from "@podwright/cluster/network";
import { DockerClient } from "@podwright/docker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Dockerd, startDockerd } from "../machine/dockerd.ts";
import { removeFolder, shortFolder } from "../machine/folder.ts";
import { missingFor } from "../machine/programs.ts";

const missing = missingFor("dockerd", "docker", "iptables-restore");

describe.skipIf(missing !== undefined)(`Commands by docker${missing === undefined ? "" : ` (${missing})`}`, () => {
  let folder: string;
  let dockerd: Dockerd;
  let docker: DockerClient;

  beforeAll(async () => {
    folder = await shortFolder("pwf-");
    dockerd = await startDockerd({ folder });
    docker = new DockerClient({ socketPath: dockerd.socket });
  });
  afterAll(async () => {
    docker?.close();
    await dockerd?.stop();
    await removeFolder(folder);
  });

  test("run in the machine's network, as root, with input, and leave nothing", async () => {
    const commands = await dockerHostCommands(docker, "f00dcafe0001");
    expect((await commands.run(["ip", "-o", "link", "show", "lo"])).stdout).toContain("lo:");
    expect((await commands.run(["cat"], "what it reads\n")).stdout).toBe("what it reads\n");
    const chain = `PWT-probe-${process.pid}`;
    await commands.run(["iptables-restore", "--noflush"], `*nat\n:${chain} - [0:0]\nCOMMIT\n`);
    expect((await commands.run(["iptables-save", "-t", "nat"])).stdout).toContain(chain);
    await commands.run(["iptables", "-t", "nat", "-X", chain]);
    await expect(commands.run(["iptables", "-t", "nat", "-X", chain])).rejects.toThrow(/iptables/);
    await expect(commands.run(["no-such-program"])).rejects.toMatchObject({ exitCode: 127 });
    await expect(commands.run(["no-such-program"])).rejects.toBeInstanceOf(HostCommandError);
    // The daemon takes the container with it when it ends.
    await dockerd.stop();
    await dockerd.startAgain();
    expect((await commands.run(["cat"], "again\n")).stdout).toBe("again\n");
    // The container of a run that crashed is in nobody's way.
    const next = await dockerHostCommands(docker, "f00dcafe0001");
    await next.close?.();
    expect(await docker.json("GET", "/containers/json", { query: { all: true } })).toEqual([]);
  });
});
