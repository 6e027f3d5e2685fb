import https from "node:https";
import type { AddressInfo } from "node:net";

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
  const { key, certificate } = await selfSigned(names);
  const received: ReceivedReview[] = [];
  const server = https.createServer({ key, cert: certificate, ALPNProtocols: ["http/1.1"] }, (request, response) => {
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
    caBundle: Buffer.from(certificate).toString("base64"),
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

async function selfSigned(names: string[]): Promise<{ key: string; certificate: string }> {
  polyfillReflect();
  const x509 = await import("@peculiar/x509");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=webhook",
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
    extensions: [
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: /^[\d.]+$/.test(value) ? ("ip" as const) : ("dns" as const), value })),
      ),
    ],
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const lines = pkcs8.match(/.{1,64}/g)?.join("\n");
  return {
    key: `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`,
    certificate: certificate.toString("pem"),
  };
}

/** What @peculiar/x509's dependency injection asks of reflect-metadata. */
function polyfillReflect(): void {
  const reflect = Reflect as unknown as Record<string, unknown>;
  if (reflect["getMetadata"] !== undefined) return;
  const store = new WeakMap<object, Map<unknown, unknown>>();
  reflect["getMetadata"] = (key: unknown, target: object) => {
    for (let object: object | null = target; object !== null; object = Object.getPrototypeOf(object)) {
      if (store.get(object)?.has(key)) return store.get(object)?.get(key);
    }
    return undefined;
  };
  reflect["getOwnMetadata"] = (key: unknown, target: object) => store.get(target)?.get(key);
  reflect["hasOwnMetadata"] = (key: unknown, target: object) => store.get(target)?.has(key) === true;
  reflect["defineMetadata"] = (key: unknown, value: unknown, target: object) => {
    if (!store.has(target)) store.set(target, new Map());
    store.get(target)?.set(key, value);
  };
}
