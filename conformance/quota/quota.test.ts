import { startCluster } from "@podwright/cluster";
import type { Api } from "../differential/exchange.ts";
import { bodyOf, warningTexts } from "../differential/exchange.ts";
import { compareWithRecorded } from "../differential/recorded.ts";
import { cases } from "./cases.ts";

compareWithRecorded({ open, cases, file: new URL("recorded.json", import.meta.url) });

/** The embedded cluster with its controllers: what is used is theirs to count. */
async function open(): Promise<Api> {
  const cluster = await startCluster({ nodes: 0 });
  return {
    async send({ method, path, body, contentType = "application/json", accept = "application/json" }) {
      const response = await cluster.client.transport.request({
        method: method as "GET",
        path,
        headers: { accept, "content-type": contentType, "user-agent": "differential/1" },
        ...(body === undefined ? {} : { body: body as object }),
      });
      const warnings = warningTexts(response.headers["warning"]);
      return { status: response.status, ...(warnings.length > 0 && { warnings }), body: bodyOf(await response.text()) };
    },
    close: () => cluster.stop(),
  };
}
