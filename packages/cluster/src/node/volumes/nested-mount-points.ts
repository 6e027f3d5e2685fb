/** Folders in a volume on which other volumes are mounted (k8s.io/kubernetes/pkg/volume/util/nested_volumes.go). */
import { mkdir } from "node:fs/promises";
import { join, normalize } from "node:path";
import type { Pod } from "../../kinds.ts";
import { containersOf } from "../objects/pod-references.ts";

/** Makes them in the folder of a volume: a runtime cannot in one that is mounted read-only. */
export async function makeNestedMountPoints(pod: Pod, volume: string, folder: string): Promise<void> {
  for (const path of nestedMountPoints(pod, volume)) await mkdir(join(folder, path), { recursive: true, mode: 0o755 });
}

/** Relative to the volume; only the outermost where several are in each other. */
export function nestedMountPoints(pod: Pod, volume: string): string[] {
  const found = new Set<string>();
  for (const { volumeMounts = [] } of containersOf(pod)) {
    const all = volumeMounts.map(({ mountPath }) => normalize(mountPath)).sort();
    for (const own of volumeMounts.filter(({ name }) => name === volume)) {
      const root = `${normalize(own.mountPath).replace(/\/$/, "")}/`;
      const outer: string[] = [];
      for (const path of all) {
        if (!path.startsWith(root) || path === root || outer.some((each) => path.startsWith(each))) continue;
        outer.push(`${path}/`);
        found.add(path.slice(root.length));
      }
    }
  }
  return [...found].filter((path) => !path.split("/").includes(".."));
}
