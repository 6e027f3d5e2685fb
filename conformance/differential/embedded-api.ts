import {
  createAdmission,
  createApiServer,
  createResourceRegistry,
  createServiceAccountTokens,
  nativeResources,
  openStorage,
  putBootstrapPolicy,
  startCustomResources,
  startRbac,
  systemClock,
} from "@podwright/apiserver";
import type { KubeObject } from "@podwright/kube";
import { generateSigningKey } from "@podwright/pki";
import { type Api, answerOf, impersonationHeaders } from "./exchange.ts";

/** The embedded API server alone, in memory and in this process, with what a new cluster has. */
export async function openEmbeddedApi(options: { rbac?: boolean } = {}): Promise<Api> {
  const storage = await openStorage({ type: "memory" });
  const registry = createResourceRegistry(nativeResources());
  const rbac = options.rbac ? startRbac(storage) : undefined;
  if (rbac !== undefined) await putBootstrapPolicy(storage, Date.now());
  const admission = createAdmission({ storage, registry, ...rbac });
  const customResources = startCustomResources({ storage, registry, clock: systemClock });
  const serviceAccountTokens = createServiceAccountTokens({ signingKey: generateSigningKey() });
  const server = createApiServer({
    storage,
    registry,
    admission: admission.chain,
    serviceAccountTokens,
    ...(rbac && { authorizer: rbac.authorizer }),
  });
  const api: Api = {
    async send(exchange) {
      const { method, path, body, contentType = "application/json", accept = "application/json", as } = exchange;
      const url = new URL(path, "https://embedded");
      const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
      const response = await server.handle({
        method,
        path: url.pathname,
        query: url.searchParams,
        headers: { accept, "content-type": contentType, "user-agent": "differential/1", ...impersonationHeaders(as) },
        body: text === undefined ? undefined : Buffer.from(text),
        user: { username: "admin", uid: "admin", groups: ["system:masters", "system:authenticated"] },
        signal: new AbortController().signal,
      });
      if (response.body.type !== "bytes") throw new Error("a watch cannot be compared");
      const bytes = Buffer.concat(response.body.chunks.map((chunk) => Buffer.from(chunk)));
      const { Warning: warning, "Content-Type": type } = response.headers;
      return answerOf(exchange, response.status, { warning, "content-type": type }, bytes);
    },
    async close() {
      server.close();
      admission.close();
      rbac?.close();
      await customResources.stop();
      await storage.close();
    },
  };
  const create = (path: string, object: KubeObject) => api.send({ title: "", method: "POST", path, body: object });
  await create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } });
  await create("/api/v1/namespaces/default/serviceaccounts", {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "default" },
  });
  return api;
}
