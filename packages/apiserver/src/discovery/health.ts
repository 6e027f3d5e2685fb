import type { ApiRequest, ApiResponse } from "../request.ts";

/** /healthz, /livez, /readyz: a server that answers is well. `?verbose` lists what was looked at. */
export function serveHealth({ path, query }: ApiRequest): ApiResponse | undefined {
  const check = /^\/(healthz|livez|readyz)(\/ping)?\/?$/.exec(path)?.[1];
  if (check === undefined) return undefined;
  const text = query.has("verbose") ? `[+]ping ok\n${check} check passed\n` : "ok";
  return {
    status: 200,
    headers: {
      "Content-Type": "text/plain; charset=utf-8",
      "Cache-Control": "no-cache, private",
      "X-Content-Type-Options": "nosniff",
    },
    body: { type: "bytes", chunks: [text] },
  };
}
