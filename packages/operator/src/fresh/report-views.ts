import type { Informer } from "@podwright/client";
import type { ImageCatalog } from "./catalog.ts";
import type { TrackedImage } from "./image.ts";
import { fromReported, type NodeImages } from "./node-images.ts";

/**
 * Enters what agents report into the catalog, but for the reports of this process, which is known better. What has
 * not changed stays the same object, so that the catalog need not look at it.
 */
export function followReports(
  informer: Informer<NodeImages>,
  catalog: ImageCatalog,
  isOwn: (name: string) => boolean,
): () => void {
  const known = new Map<string, Map<string, TrackedImage>>();
  const take = ({ metadata, status }: NodeImages) => {
    const name = metadata.name as string;
    if (isOwn(name) || status === undefined) return;
    const before = known.get(name);
    const images = fromReported(status).map((image) => {
      const old = before?.get(image.name);
      return old !== undefined && JSON.stringify(old) === JSON.stringify(image) ? old : image;
    });
    known.set(name, new Map(images.map((image) => [image.name, image])));
    const view = { source: status.source, ...(status.allNodes ? {} : { node: name }) };
    catalog.replace(`node/${name}`, view, images);
  };
  return informer.onChange({
    added: take,
    updated: take,
    deleted: ({ metadata }) => {
      known.delete(metadata.name as string);
      catalog.drop(`node/${metadata.name}`);
    },
  });
}
