import { afterEach, beforeEach, expect, test } from "vitest";
import { Client } from "./client.ts";
import { HttpTransport } from "./http-transport.ts";
import { FaultyServer, json, refuse } from "./testing/faulty-server.ts";

let server: FaultyServer;
let client: Client;
beforeEach(async () => {
  server = await new FaultyServer().listen();
  client = new Client(new HttpTransport(server.connection));
});
afterEach(async () => {
  await client.close();
  await server.close();
});

/** A server from before aggregated discovery; one of its groups is broken. */
function serveOld(): void {
  const resources = [
    { name: "pods", kind: "Pod", namespaced: true },
    { name: "pods/status", kind: "Pod", namespaced: true },
  ];
  const answers: Record<string, object> = {
    "/api": { kind: "APIVersions", versions: ["v1"] },
    "/apis": {
      kind: "APIGroupList",
      groups: [{ versions: [{ groupVersion: "apps/v1" }] }, { versions: [{ groupVersion: "metrics.k8s.io/v1beta1" }] }],
    },
    "/api/v1": { kind: "APIResourceList", resources },
    "/apis/apps/v1": {
      kind: "APIResourceList",
      resources: [{ name: "deployments", kind: "Deployment", namespaced: true }],
    },
  };
  for (let i = 0; i < 5; i++) {
    server.answers.push((request, response) => {
      const body = answers[request.url ?? ""];
      if (body === undefined) refuse(response, 503, "ServiceUnavailable");
      else json(response, 200, body);
    });
  }
}

test("a server without aggregated discovery is asked group by group, and a broken group hides no other", async () => {
  serveOld();
  expect(await client.resources()).toEqual([
    { group: "", version: "v1", resource: "pods", kind: "Pod", namespaced: true },
    { group: "apps", version: "v1", resource: "deployments", kind: "Deployment", namespaced: true },
  ]);
});

test("what is known is not asked again, and those who ask at once share the answer", async () => {
  serveOld();
  const found = await Promise.all([client.resourceFor("v1", "Pod"), client.resourceFor("apps/v1", "Deployment")]);
  expect(await client.resourceFor("v1", "Pod")).toBe(found[0]);
  expect(server.requests).toHaveLength(5);
  serveOld();
  await expect(client.resourceFor("v1", "Pood")).rejects.toThrow('no matches for kind "Pood" in version "v1"');
  expect(server.requests).toHaveLength(10);
  expect(await client.resourceFor("v1", "Pod")).toBe(found[0]);
});
