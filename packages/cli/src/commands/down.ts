import { rm } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { removeFromMachine } from "@podwright/cluster";

interface Options {
  dataDir: string;
  all?: boolean;
}

/** `podwright down`: takes off the machine what `podwright up` of a data directory has there, running or not. */
export async function down(options: Options): Promise<void> {
  const dataDir = resolve(options.dataDir);
  const shown = relative(process.cwd(), dataDir) || dataDir;
  const { stopped, containers, networks, docker } = await removeFromMachine({ dataDir });
  if (stopped !== undefined) console.log(`Stopped podwright up (process ${stopped}).`);
  const where = docker ? "" : " No docker daemon answers: what it has of the cluster, if anything, is still there.";
  console.log(
    `Removed ${count(containers, "container")}, ${count(networks, "network")} and the pods' folders.${where}`,
  );
  if (options.all) {
    await rm(dataDir, { recursive: true, force: true });
    console.log(`Removed ${shown}: the cluster is gone.`);
  } else {
    console.log(`The cluster's objects and volumes are kept in ${shown}; --all removes them too.`);
  }
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
