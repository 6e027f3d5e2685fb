import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { KubeObject } from "@podwright/kube";
import type { ServingCertificate } from "./certificate.ts";

/** The request of an AdmissionReview (k8s.io/api/admission/v1). */
export interface AdmissionRequest {
  uid: string;
  name?: string;
  namespace?: string;
  operation: string;
  object?: KubeObject | null;
  dryRun?: boolean;
}

/** Its response but for the uid. */
export interface AdmissionAnswer {
  allowed: boolean;
  /** Shown to the person who made the request. */
  warnings?: string[];
  patch?: object[];
  status?: { code: number; message: string };
}

export type AdmissionHandler = (request: AdmissionRequest) => AdmissionAnswer | Promise<AdmissionAnswer>;

/** A webhook server that listens. */
export interface WebhookServer {
  port: number;
  /** Puts another certificate in use; open connections keep theirs. */
  setCertificate(certificate: ServingCertificate): void;
  close(): Promise<void>;
}

/** An API server sends no object larger than 3 MiB, and at most two of them. */
const maxBodyBytes = 7 * 1024 * 1024;

/**
 * Serves admission webhooks over HTTPS: a handler for each path, called with the AdmissionReview's request.
 * A body that is no AdmissionReview is answered 400, a handler that throws 500, which the API server treats by the
 * webhook's failurePolicy.
 */
export async function serveWebhooks(options: {
  handlers: Record<string, AdmissionHandler>;
  certificate: ServingCertificate;
  host: string;
  /** 0 for any free one. */
  port: number;
  onError: (error: unknown) => void;
}): Promise<WebhookServer> {
  const server = createServer(
    { ...tlsOptions(options.certificate), keepAliveTimeout: 180_000 },
    (request, response) => {
      answer(options.handlers, request, response).catch((error) => {
        // The client has gone in the middle of its request: there is nobody to tell.
        if (request.destroyed && !request.complete) return;
        options.onError(error);
        if (!response.headersSent)
          respond(response, 500, { message: error instanceof Error ? error.message : "failed" });
      });
    },
  );
  const sockets = new Set<Duplex>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    setCertificate: (certificate) => server.setSecureContext(tlsOptions(certificate)),
    close: () => close(server, sockets),
  };
}

function tlsOptions(certificate: ServingCertificate) {
  return { cert: certificate.certificate, key: certificate.privateKey, minVersion: "TLSv1.2" as const };
}

function close(server: Server, sockets: ReadonlySet<Duplex>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    // All of them, also those that have not said what they want yet.
    for (const socket of sockets) socket.destroy();
  });
}

async function answer(
  handlers: Record<string, AdmissionHandler>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? "/").split("?", 1)[0] as string;
  if (path === "/healthz" || path === "/readyz") {
    response.writeHead(200, { "content-type": "text/plain" }).end("ok");
    return;
  }
  const handler = Object.hasOwn(handlers, path) ? handlers[path] : undefined;
  if (handler === undefined) return respond(response, 404, { message: `no webhook at ${path}` });
  if (request.method !== "POST") return respond(response, 405, { message: "admission reviews are sent by POST" });

  const body = await readBody(request);
  if (body === undefined) return respond(response, 413, { message: `larger than ${maxBodyBytes} bytes` });
  const review = parseReview(body);
  if (review === undefined) return respond(response, 400, { message: "the body is not an AdmissionReview" });

  const { patch, ...rest } = await handler(review.request);
  respond(response, 200, {
    apiVersion: review.apiVersion,
    kind: "AdmissionReview",
    response: {
      uid: review.request.uid,
      ...rest,
      ...(patch !== undefined && patch.length > 0
        ? { patchType: "JSONPatch", patch: Buffer.from(JSON.stringify(patch)).toString("base64") }
        : {}),
    },
  });
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseReview(body: string): { apiVersion: string; request: AdmissionRequest } | undefined {
  try {
    const review = JSON.parse(body);
    return review?.kind === "AdmissionReview" && typeof review.request?.uid === "string" ? review : undefined;
  } catch {
    return undefined;
  }
}

function respond(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}
