import https from "node:https";
import type { AddressInfo } from "node:net";
import { createCertificateAuthority } from "@podwright/pki";

export interface ReceivedReview {
  /** Path and query. */
  url: string;
  headers: Record<string, string | string[] | undefined>;
  // biome-ignore lint/suspicious/noExplicitAny: whatever was sent
  review: any;
}

/** What to answer: the response part of a review, or a whole HTTP answer; undefined: nothing at all. */
export type Answer =
  | { response: Record<string, unknown> | undefined }
  | { status: number; body: string; contentType?: string }
  | { disconnect: true }
  | undefined;

export interface WebhookServer {
  url: string;
  port: number;
  /** Base64 of PEM, as clientConfig.caBundle has it. */
  caBundle: string;
  received: ReceivedReview[];
  /** Connections that were opened. */
  connections: number;
  close(): Promise<void>;
}

/** A real HTTPS server on loopback that answers reviews, for tests. */
export async function startWebhookServer(
  answer: (received: ReceivedReview) => Answer,
  names: string[] = ["127.0.0.1"],
): Promise<WebhookServer> {
  const authority = createCertificateAuthority("webhooks", Date.now());
  const { key, cert } = authority.issue({ commonName: "webhook", hosts: names, usage: "server" });
  const received: ReceivedReview[] = [];
  const server = https.createServer({ key, cert, ALPNProtocols: ["http/1.1"] }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const review = JSON.parse(Buffer.concat(chunks).toString());
      const got = { url: request.url ?? "", headers: request.headers, review };
      received.push(got);
      const reply = answer(got);
      if (reply === undefined) return;
      if ("disconnect" in reply) {
        request.socket.destroy();
        return;
      }
      if ("status" in reply) {
        response.writeHead(reply.status, { "content-type": reply.contentType ?? "application/json" });
        response.end(reply.body);
        return;
      }
      const body = { apiVersion: review.apiVersion, kind: "AdmissionReview", response: reply.response };
      if (body.response !== undefined) body.response = { uid: review.request.uid, ...body.response };
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    });
  });
  let connections = 0;
  server.on("secureConnection", () => {
    connections++;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    port,
    caBundle: Buffer.from(authority.cert).toString("base64"),
    received,
    get connections() {
      return connections;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** JSON patch operations as a response has them. */
export function patchResponse(operations: unknown): Record<string, unknown> {
  const patch = Buffer.from(JSON.stringify(operations)).toString("base64");
  return { allowed: true, patchType: "JSONPatch", patch };
}
