import https from "node:https";
import type { AddressInfo } from "node:net";
import { createCertificateAuthority } from "@podwright/pki";

/** A whole HTTP answer (status 200, JSON unless told otherwise), no answer and no connection any more, or none at all. */
export type ReviewAnswer = { status?: number; text: string; type?: string } | "disconnect" | "hang";

export interface ReviewServer {
  url: string;
  /** Base64 of PEM. */
  caBundle: string;
  close(): Promise<void>;
}

/**
 * An HTTPS server on loopback that is asked with reviews.
 *
 * @param respond is given the path without its slash, the whole URL, and the review
 */
export async function startReviewServer(
  // biome-ignore lint/suspicious/noExplicitAny: whatever was sent
  respond: (path: string, url: string, review: any) => ReviewAnswer,
): Promise<ReviewServer> {
  const authority = createCertificateAuthority("webhooks", Date.now());
  const { key, cert } = authority.issue({ commonName: "webhook", hosts: ["127.0.0.1"], usage: "server" });
  const server = https.createServer({ key, cert, ALPNProtocols: ["http/1.1"] }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const url = request.url ?? "";
      const answer = respond(url.slice(1).split("?")[0] ?? "", url, JSON.parse(Buffer.concat(chunks).toString()));
      if (answer === "hang") return;
      if (answer === "disconnect") return void request.socket.destroy();
      const { status = 200, type = "application/json", text } = answer;
      response.writeHead(status, { "content-type": type });
      response.end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    caBundle: Buffer.from(authority.cert).toString("base64"),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
