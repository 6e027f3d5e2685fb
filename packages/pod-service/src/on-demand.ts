import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Client, Informer, tenants } from "@podwright/client";
import type { ServiceConfig } from "./config.ts";
import type { PodService } from "./service.ts";
import { putTenantCrd } from "./tenants/put-crd.ts";

export interface OnDemandOptions {
  /** To the cluster where the pods are made. Stays open when the service stops. */
  client: Client;
  /** Port 0: any free one. */
  config: ServiceConfig;
  /** Takes any free port when this one is taken. */
  anyPort: boolean;
  onError: (error: unknown) => void;
}

/** Listens, and is the whole service once somebody needs it. */
export interface PodServiceOnDemand {
  /** "http://127.0.0.1:5020". */
  url: string;
  stop(): Promise<void>;
}

/**
 * The pod service for those who may not need it: it listens, knows the Tenant kind, and loads and starts the rest at
 * the first request or the first Tenant. Rejects with the system's error when the port cannot be had.
 */
export async function servePodsOnDemand(options: OnDemandOptions): Promise<PodServiceOnDemand> {
  const { client, config, onError } = options;
  // An import would load all of fetch with it (undici, 15 ms).
  const { createServer } = process.getBuiltinModule("node:http");
  const server = createServer({
    maxHeaderSize: 16 * 1024,
    headersTimeout: 10_000,
    requestTimeout: 30_000,
    keepAliveTimeout: 120_000,
  });
  let running: Promise<PodService> | undefined;
  const start = (): Promise<PodService> => {
    running ??= import("./service.ts").then(({ startPodService }) => startPodService({ client, config, server }));
    return running;
  };
  const first = (request: IncomingMessage, response: ServerResponse): void => {
    start().then(
      () => {
        server.off("request", first);
        server.emit("request", request, response);
      },
      (error: unknown) => {
        running = undefined;
        onError(error);
        response
          .writeHead(503, { "content-type": "text/plain", connection: "close" })
          .end("the pod service cannot start\n");
      },
    );
  };
  server.on("request", first);
  await listen(server, config, options.anyPort);
  const informer = new Informer(client.resource(tenants), { transform: namesOnly });
  try {
    if (config.tenantServiceUrl === undefined) {
      await putTenantCrd(client);
      informer.onChange({
        added: () => {
          start().then(() => server.off("request", first), onError);
        },
      });
      informer.start();
    }
  } catch (error) {
    server.close();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${config.host}:${port}`,
    async stop() {
      await informer.stop();
      await (await running?.catch(() => undefined))?.stop();
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function listen(server: Server, { host, port }: ServiceConfig, anyPort: boolean): Promise<void> {
  const tryPort = (wanted: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(wanted, host, 4096, () => {
        server.off("error", reject);
        resolve();
      });
    });
  try {
    await tryPort(port);
  } catch (error) {
    if (!anyPort || (error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    await tryPort(0);
  }
}

function namesOnly<T extends { apiVersion: string; kind: string; metadata: object }>(object: T): T {
  const { apiVersion, kind, metadata } = object;
  return { apiVersion, kind, metadata } as T;
}
