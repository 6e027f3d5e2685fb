import { HttpTransport, loadKubeconfig } from "@podwright/client";
import { type Api, bodyOf, impersonationHeaders, warningTexts } from "./exchange.ts";

/** The API server of the cluster that KUBECONFIG_REAL names. */
export function openRealApi(): Api {
  const transport = new HttpTransport(loadKubeconfig({ path: process.env["KUBECONFIG_REAL"] as string }));
  return {
    async send({ method, path, body, contentType = "application/json", accept = "application/json", as }) {
      const response = await transport.request({
        method: method as "GET",
        path,
        headers: { accept, "content-type": contentType, "user-agent": "differential/1", ...impersonationHeaders(as) },
        ...(body === undefined ? {} : { body: body as object }),
      });
      const warnings = warningTexts(response.headers["warning"]);
      return { status: response.status, ...(warnings.length > 0 && { warnings }), body: bodyOf(await response.text()) };
    },
    close: () => transport.close(),
  };
}
