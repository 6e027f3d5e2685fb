import { HttpTransport, loadKubeconfig } from "@podwright/client";
import { type Api, answerOf, impersonationHeaders } from "./exchange.ts";

/** The API server of the cluster that KUBECONFIG_REAL names. */
export function openRealApi(): Api {
  const transport = new HttpTransport(loadKubeconfig({ path: process.env["KUBECONFIG_REAL"] as string }));
  return {
    async send(exchange) {
      const { method, path, body, contentType = "application/json", accept = "application/json", as } = exchange;
      const response = await transport.request({
        method: method as "GET",
        path,
        headers: { accept, "content-type": contentType, "user-agent": "differential/1", ...impersonationHeaders(as) },
        ...(body === undefined ? {} : { body: body as object }),
      });
      const chunks: Uint8Array[] = [];
      for await (const chunk of response.chunks()) chunks.push(chunk);
      return answerOf(exchange, response.status, response.headers, Buffer.concat(chunks));
    },
    close: () => transport.close(),
  };
}
