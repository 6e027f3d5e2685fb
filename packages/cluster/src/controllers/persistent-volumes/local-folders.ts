import { rm } from "node:fs/promises";
import { dirname } from "node:path";

/** Where the local provisioner's volumes are. */
export interface LocalFolders {
  /** Each volume is a folder in it, made by the node that mounts it first. */
  directory: string;
  /** Removes the folder of a volume that is not wanted any more; fine when there is none. */
  remove(path: string): Promise<void>;
}

/** Nodes that are only simulated make no folders, and have none to remove. */
export const imaginedFolders: LocalFolders = {
  directory: "/var/lib/podwright/volumes",
  remove: async () => {},
};

/** @param removeForeign removes files that this process may not, as those that containers made as root */
export function localFolders(directory: string, removeForeign?: (path: string) => Promise<void>): LocalFolders {
  return {
    directory,
    async remove(path) {
      // A volume's path can have been written by anybody who may write volumes.
      if (dirname(path) !== directory) throw new Error(`${path} is none of the folders in ${directory}`);
      await rm(path, { recursive: true, force: true }).catch(async (error: NodeJS.ErrnoException) => {
        if (removeForeign === undefined || (error.code !== "EACCES" && error.code !== "EPERM")) throw error;
        await removeForeign(path);
      });
    },
  };
}
