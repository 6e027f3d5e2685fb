import { isCode } from "@podwright/kube";
import type { ResourceRequest, ServerParts } from "../context.ts";
import { parseStored } from "../output/response.ts";
import type { ApiResponse } from "../request.ts";
import type { StoredObject } from "../storage/storage.ts";
import { removeObject } from "./delete.ts";
import { type DeleteOptions, parseDeleteOptions } from "./delete-options.ts";
import { listPage, pageResponse } from "./list.ts";
import type { ListOptions } from "./list-options.ts";

/** Deletions that are under way at a time. */
const workers = 16;

/** DELETE of a collection: each object that the selectors match, one by one. Answers with the list of them. */
export async function deleteCollection(
  parts: ServerParts,
  request: ResourceRequest,
  listOptions: ListOptions,
): Promise<ApiResponse> {
  const options = parseDeleteOptions(request.request);
  const page = await listPage(parts, request, listOptions);
  const left = [...page.items];
  const work = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) {
      await removeItem(parts, request, item, options);
    }
  };
  // Nothing goes on behind the answer, which tells of a refusal only.
  const outcomes = await Promise.allSettled(Array.from({ length: Math.min(workers, left.length) }, work));
  const refused = outcomes.find((outcome) => outcome.status === "rejected");
  if (refused !== undefined) throw refused.reason;
  return pageResponse(parts, request, page);
}

async function removeItem(
  parts: ServerParts,
  request: ResourceRequest,
  item: StoredObject,
  options: DeleteOptions,
): Promise<void> {
  const { name = "", namespace = "" } = parseStored(item.value).metadata;
  try {
    await removeObject(parts, request, name, options, namespace);
  } catch (error) {
    if (!isCode(error, 404)) throw error;
  }
}
