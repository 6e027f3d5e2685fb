import { customResourceDefinition, nodeImages, printerColumn } from "@podwright/client";
import type { JsonObject, KubeObject } from "@podwright/kube";

const text = (description: string): JsonObject => ({ type: "string", description });
const texts = (description: string): JsonObject => ({
  type: "array",
  items: { type: "string" },
  description,
  "x-kubernetes-list-type": "atomic",
});
// Without a format: it would be checked for all images whenever one is new.
const time = (description: string): JsonObject => ({ type: "string", description: `${description} ISO 8601.` });

const image: JsonObject = {
  type: "object",
  required: ["name", "ids", "appearedAt"],
  properties: {
    name: text("The whole name: docker.io/library/app:1."),
    ids: texts("Digests of its configuration, manifest and index."),
    appearedAt: time("When the name came to mean this content."),
    builtAt: time("When it was built."),
    revision: text("Its label org.opencontainers.image.revision."),
    replacedIds: texts("What the name meant before."),
    outside: text("The namespace of containerd that it is in, where the node does not look."),
  },
};

const status: JsonObject = {
  type: "object",
  required: ["source", "images"],
  properties: {
    source: text("docker or containerd."),
    allNodes: { type: "boolean", description: "All nodes share these images." },
    connected: { type: "boolean", description: "Whether the engine answers." },
    missedEvents: {
      type: "integer",
      format: "int64",
      description: "Changes that only a comparison found, since the agent started.",
    },
    omitted: { type: "integer", format: "int64", description: "Older images that are not reported." },
    // Replaced as a whole: a list by name would be in the managed fields once more.
    images: { type: "array", items: image, "x-kubernetes-list-type": "atomic" },
  },
};

/** The NodeImages CustomResourceDefinition. */
export function nodeImagesCrd(): KubeObject {
  return customResourceDefinition(nodeImages, {
    singular: nodeImages.resource,
    description: "The images that a node has, as its image agent reports them.",
    columns: [
      printerColumn("Source", ".status.source"),
      printerColumn("Connected", ".status.connected", "boolean"),
      printerColumn("Missed", ".status.missedEvents", "integer"),
      printerColumn("Age", ".metadata.creationTimestamp", "date"),
    ],
    status,
    statusInPlace: true,
  });
}
