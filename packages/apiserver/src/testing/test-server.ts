import { systemClock } from "@podwright/clock";
import { generateSigningKey } from "@podwright/pki";
import { createAdmission } from "../admission/default-admission.ts";
import type { Authenticator } from "../authentication/authenticator.ts";
import { clientCertificateAuthenticator } from "../authentication/client-certificates.ts";
import { createServiceAccountTokens, type ServiceAccountTokens } from "../authentication/service-account-tokens.ts";
import { serviceAccountAuthenticator } from "../authentication/service-accounts.ts";
import { staticTokenAuthenticator } from "../authentication/static-tokens.ts";
import { startCustomResources } from "../crd/controller.ts";
import { createResourceRegistry } from "../registry/resource-registry.ts";
import type { ApiRequest, ApiResponse, UserInfo } from "../request.ts";
import { nativeResources } from "../resources/native.ts";
import type { ResourceRegistry } from "../resources/resource.ts";
import { type ApiServer, createApiServer } from "../server.ts";
import { openStorage } from "../storage/open-storage.ts";
import type { Storage } from "../storage/storage.ts";
import type { NodeConnection } from "../subresources/node-connection.ts";

/** A whole API server in memory, with the namespace and the service account "default". */
export interface TestServer {
  server: ApiServer;
  storage: Storage;
  registry: ResourceRegistry;
  tokens: ServiceAccountTokens;
  /** Sends a request as the administrator, unless told otherwise. Objects are sent as JSON. */
  send(method: string, path: string, body?: unknown, options?: SendOptions): Promise<Answer>;
  close(): Promise<void>;
}

export interface SendOptions {
  headers?: Record<string, string>;
  /** null: nobody says who it is, the headers have to. */
  user?: UserInfo | null;
  signal?: AbortSignal;
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  // biome-ignore lint/suspicious/noExplicitAny: whatever was answered
  body: any;
  /** The answer as it came, as of watches. */
  response: ApiResponse;
}

export const adminToken = "admin-token";
const admin: UserInfo = { username: "admin", groups: ["system:masters", "system:authenticated"] };

export async function openTestServer(options: { nodes?: NodeConnection } = {}): Promise<TestServer> {
  const storage = await openStorage({ type: "memory" });
  const registry = createResourceRegistry(nativeResources());
  const admission = createAdmission({ storage, registry });
  const customResources = startCustomResources({ storage, registry, clock: systemClock });
  const tokens = createServiceAccountTokens({ signingKey: generateSigningKey() });
  const authenticators: Authenticator[] = [
    clientCertificateAuthenticator(),
    staticTokenAuthenticator([[adminToken, { username: "token-admin", groups: ["system:masters"] }]]),
    serviceAccountAuthenticator(tokens, storage, systemClock),
  ];
  const server = createApiServer({
    storage,
    registry,
    admission: admission.chain,
    authenticators,
    serviceAccountTokens: tokens,
    ...options,
  });
  const test: TestServer = {
    server,
    storage,
    registry,
    tokens,
    send: (method, path, body, options = {}) => send(server, method, path, body, options),
    async close() {
      server.close();
      admission.close();
      await customResources.stop();
      await storage.close();
    },
  };
  await test.send("POST", "/api/v1/namespaces", { metadata: { name: "default" } });
  await test.send("POST", "/api/v1/namespaces/default/serviceaccounts", { metadata: { name: "default" } });
  return test;
}

async function send(
  server: ApiServer,
  method: string,
  path: string,
  body: unknown,
  { headers = {}, user = admin, signal = new AbortController().signal }: SendOptions,
): Promise<Answer> {
  const url = new URL(path, "https://test");
  const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const request: ApiRequest = {
    method,
    path: url.pathname,
    query: url.searchParams,
    headers: { "content-type": "application/json", ...headers },
    body: text === undefined ? undefined : Buffer.from(text),
    ...(user !== null && { user }),
    signal,
  };
  const response = await server.handle(request);
  return { status: response.status, headers: response.headers, body: bodyOf(response), response };
}

function bodyOf({ body }: ApiResponse): unknown {
  if (body.type !== "bytes") return undefined;
  const text = body.chunks.map((chunk) => chunk.toString()).join("");
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
