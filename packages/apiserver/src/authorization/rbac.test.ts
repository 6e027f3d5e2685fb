import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createAdmission } from "../admission/default-admission.ts";
import { createResourceRegistry } from "../registry/resource-registry.ts";
import { nativeResources } from "../resources/native.ts";
import { type ApiServer, createApiServer } from "../server.ts";
import { openStorage } from "../storage/open-storage.ts";
import type { Storage } from "../storage/storage.ts";
import { putBootstrapPolicy } from "./bootstrap-policy.ts";
import { type Rbac, startRbac } from "./rbac.ts";

const group = "rbac.authorization.k8s.io";
const path = `/apis/${group}/v1`;
let storage: Storage;
let rbac: Rbac;
let server: ApiServer;
let close: () => Promise<void>;

beforeEach(async () => {
  storage = await openStorage({ type: "memory" });
  await putBootstrapPolicy(storage, 0);
  rbac = startRbac(storage);
  const registry = createResourceRegistry(nativeResources());
  const admission = createAdmission({ storage, registry, ...rbac });
  server = createApiServer({ storage, registry, admission: admission.chain, authorizer: rbac.authorizer });
  close = async () => {
    server.close();
    admission.close();
    rbac.close();
    await storage.close();
  };
});
afterEach(() => close());

async function send(
  method: string,
  url: string,
  body?: object,
  as?: { user: string; headers?: Record<string, string> },
) {
  const { pathname, searchParams } = new URL(url, "https://test");
  const response = await server.handle({
    method,
    path: pathname,
    query: searchParams,
    headers: { "content-type": "application/json", ...as?.headers },
    body: body === undefined ? undefined : Buffer.from(JSON.stringify(body)),
    user:
      as === undefined
        ? { username: "admin", groups: ["system:masters"] }
        : { username: as.user, groups: ["system:authenticated"] },
    signal: new AbortController().signal,
  });
  return response.status;
}

const list = async (user: string, namespace = "n") => {
  const attributes = { group: "", version: "v1", resource: "pods", subresource: "", namespace, name: "" };
  const who = { username: user, groups: ["system:authenticated"] };
  return (await rbac.authorizer.authorize(who, { type: "resource", verb: "list", ...attributes })).allowed;
};

const binding = (name: string, user: string, namespace?: string) => ({
  metadata: { name, ...(namespace && { namespace }) },
  roleRef: { apiGroup: group, kind: "ClusterRole", name: "view" },
  subjects: [{ kind: "User", apiGroup: group, name: user }],
});

describe("a user's rights", () => {
  it("come and go with bindings", async () => {
    expect(await list("jane")).toBe(false);
    const bindings = `${path}/clusterrolebindings`;
    expect(await send("POST", bindings, binding("view", "jane"))).toBe(201);
    expect(await list("jane")).toBe(true);
    expect(await send("PUT", `${bindings}/view`, binding("view", "joe"))).toBe(200);
    expect([await list("jane"), await list("joe")]).toEqual([false, true]);
    expect(await send("DELETE", `${bindings}/view`)).toBe(200);
    expect(await list("joe")).toBe(false);
  });

  it("follow the role that a binding names", async () => {
    await send("POST", `${path}/clusterrolebindings`, {
      ...binding("late", "jane"),
      roleRef: { apiGroup: group, kind: "ClusterRole", name: "late" },
    });
    expect(await list("jane")).toBe(false);
    const rules = [{ apiGroups: [""], resources: ["pods"], verbs: ["list"] }];
    await send("POST", `${path}/clusterroles`, { metadata: { name: "late" }, rules });
    expect(await list("jane")).toBe(true);
    await send("PUT", `${path}/clusterroles/late`, { metadata: { name: "late" }, rules: [] });
    expect(await list("jane")).toBe(false);
  });

  it("include whom one may be taken for", async () => {
    const headers = { "impersonate-user": "boss" };
    const url = "/apis/apps";
    expect(await send("GET", url, undefined, { user: "jane", headers })).toBe(403);
    const rules = [{ apiGroups: [""], resources: ["users"], verbs: ["impersonate"], resourceNames: ["boss"] }];
    await send("POST", `${path}/clusterroles`, { metadata: { name: "boss" }, rules });
    await send("POST", `${path}/clusterrolebindings`, {
      ...binding("boss", "jane"),
      roleRef: { apiGroup: group, kind: "ClusterRole", name: "boss" },
    });
    expect(await send("GET", url, undefined, { user: "jane", headers })).toBe(200);
    const other = { "impersonate-user": "other" };
    expect(await send("GET", url, undefined, { user: "jane", headers: other })).toBe(403);
  });
});

describe("the first roles and bindings", () => {
  it("are written once, and what is changed or missing is left or put back", async () => {
    const before = storage.revision;
    await putBootstrapPolicy(storage, 0);
    expect(storage.revision).toBe(before);
    await send("DELETE", `${path}/clusterroles/view`);
    await putBootstrapPolicy(storage, 0);
    expect(storage.revision).toBe(before + 2);
    expect(JSON.parse(String(storage.get(`/${group}/clusterroles/view`)?.value)).rules.length).toBeGreaterThan(5);
  });
});
