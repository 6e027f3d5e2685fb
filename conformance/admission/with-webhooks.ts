import type { Api } from "../differential/exchange.ts";
import { caBundle, webhookUrl } from "./cases.ts";
import { startWebhookServer, type WebhookServer } from "./webhook-server.ts";

/** An API whose requests may name the webhook server, and which tells what that server received. */
export interface ApiWithWebhooks {
  open(): Promise<Api>;
  replacements(): [string, string][];
}

/** @param start starts the webhook server */
export function withWebhooks(
  openApi: () => Api | Promise<Api>,
  start: () => Promise<WebhookServer> = startWebhookServer,
): ApiWithWebhooks {
  let server: WebhookServer;
  return {
    async open() {
      const api = await openApi();
      server = await start();
      return {
        async send(exchange) {
          if (exchange.path === "received:") return { status: 200, body: server.takeReceived() };
          const { body } = exchange;
          if (typeof body !== "object" || body === null) return api.send(exchange);
          const text = JSON.stringify(body).replaceAll(webhookUrl, server.url).replaceAll(caBundle, server.caBundle);
          return api.send({ ...exchange, body: JSON.parse(text) });
        },
        async close() {
          await api.close();
          await server.close();
        },
      };
    },
    replacements: () => [
      [server.url, webhookUrl],
      [server.caBundle, caBundle],
    ],
  };
}
