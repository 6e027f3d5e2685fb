import { startCluster } from "@podwright/cluster";
import type { Api } from "../differential/exchange.ts";
import { answerOf } from "../differential/exchange.ts";
import { compareWithRecorded } from "../differential/recorded.ts";
import { cases } from "./cases.ts";

compareWithRecorded({ open, cases, file: new URL("recorded.json", import.meta.url) });

/** The embedded cluster with its controllers: what is used is theirs to count. */
async function open(): Promise<Api> {
  const cluster = await startCluster({ nodes: 0 });
  return {
    async send(exchange) {
      const { method, path, body, contentType = "application/json", accept = "application/json" } = exchange;
      const response = await cluster.client.transport.request({
        method: method as "GET",
        path,
        headers: { accept, "content-type": contentType, "user-agent": "differential/1" },
        ...(body === undefined ? {} : { body: body as object }),
      });
      return answerOf(exchange, response.status, response.headers, Buffer.from(await response.text()));
    },
    close: () => cluster.stop(),
  };
}
