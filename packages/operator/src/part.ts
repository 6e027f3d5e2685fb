import type { Client, Clock, EventRecorder, InformerFactory, Logger } from "@podwright/client";
import type { JsonObject, KubeObject } from "@podwright/kube";
import type { ContentIndex } from "./content/content-index.ts";
import type { AdmissionHandler } from "./webhook/server.ts";

/** What a part of the operator works with; all of it is shared with the other parts and belongs to the operator. */
export interface PartContext {
  client: Client;
  /** Asked for while the part is made, an informer has synced before webhooks are served and controllers run. */
  informers: InformerFactory;
  /** What ConfigMaps and Secrets hold, as hashes. */
  content: ContentIndex;
  recorder: EventRecorder;
  clock: Clock;
  logger: Logger;
}

/** One ability of the operator: nanopod, pack, reflector, redeploy. Made once; making it starts nothing. */
export interface Part {
  /** As `--without` names it. */
  name: string;
  /** The CustomResourceDefinitions it brings. */
  crds: KubeObject[];
  /** Served by every replica. */
  webhooks: Webhook[];
  /** Starts its controllers. Called in the one replica that leads, when informers have synced; undone when it leads no more. */
  lead?(): Promise<{ stop(): Promise<void> }>;
  /** Ends what making it began, if anything. */
  close?(): Promise<void>;
}

/** An admission webhook of a part. */
export interface Webhook {
  type: "mutating" | "validating";
  /** "/validate-pack": its own on the operator's server. */
  path: string;
  handler: AdmissionHandler;
  /** An entry of a webhook configuration but for clientConfig: name, rules, selectors, failurePolicy, sideEffects, … */
  entry: JsonObject & { name: string };
}
