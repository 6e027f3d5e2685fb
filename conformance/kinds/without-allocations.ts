import type { Answer, Api } from "../differential/exchange.ts";

/** Which address, port or random suffix a server gives is its own affair: they are masked. */
export function withoutAllocations(api: Api): Api {
  return {
    async send(exchange) {
      const answer = await api.send(exchange);
      const text = JSON.stringify(answer)
        .replace(/"(10\.\d+\.\d+\.\d+)"/g, (whole, ip) => (isAsked(exchange.body, ip) ? whole : '"ADDRESS"'))
        .replace(/"(nodePort|healthCheckNodePort)":(\d+)/g, (whole, field, port) =>
          isAsked(exchange.body, port) ? whole : `"${field}":"PORT"`,
        )
        .replace(/kube-api-access-[a-z0-9]{5}/g, "kube-api-access-RANDOM");
      return JSON.parse(text) as Answer;
    },
    close: () => api.close(),
  };
}

function isAsked(body: unknown, text: string): boolean {
  return JSON.stringify(body ?? "").includes(text);
}
