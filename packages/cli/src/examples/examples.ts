import type { Client } from "@podwright/client";
import { nanoPodExample } from "./nanopod.ts";

/** Something that `podwright up --example NAME` applies to a cluster and tells of. */
export interface Example {
  name: string;
  /** Applies it, waits until it has happened and gives the lines to show. */
  run(client: Client, kubeconfig: string): Promise<string[]>;
}

export const examples: readonly Example[] = [nanoPodExample];
