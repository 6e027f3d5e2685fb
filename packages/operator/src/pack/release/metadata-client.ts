import { Client } from "@podwright/client";

/**
 * A client that gets of every object its metadata alone: what PartialObjectMetadata is for. Servers that cannot answer
 * so send whole objects. For get, list and watch; its transport is the other client's, and is not closed with it.
 */
export function metadataClient(client: Client): Client {
  return new Client({
    request(request) {
      const accept = /[?&]watch=/.test(request.path) ? watched : listed;
      return client.transport.request({ ...request, headers: { ...request.headers, accept } });
    },
    close: async () => {},
  });
}

const watched = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
const listed = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
