import { expect, it } from "vitest";
import { parseRoute } from "./routing.ts";

const none = { group: "", version: "v1", namespace: "", name: "", subresource: "", subpath: "", watchPrefix: false };

it.each([
  ["/api/v1/pods", { ...none, resource: "pods" }],
  ["/api/v1/pods/", { ...none, resource: "pods" }],
  ["/api/v1/namespaces", { ...none, resource: "namespaces" }],
  ["/api/v1/namespaces/a", { ...none, resource: "namespaces", namespace: "a", name: "a" }],
  [
    "/api/v1/namespaces/a/status",
    { ...none, resource: "namespaces", namespace: "a", name: "a", subresource: "status" },
  ],
  [
    "/api/v1/namespaces/a/finalize",
    { ...none, resource: "namespaces", namespace: "a", name: "a", subresource: "finalize" },
  ],
  ["/api/v1/namespaces/a/pods", { ...none, resource: "pods", namespace: "a" }],
  ["/api/v1/namespaces/a/pods/p/log", { ...none, resource: "pods", namespace: "a", name: "p", subresource: "log" }],
  [
    "/api/v1/namespaces/a/services/s/proxy/x/y",
    { ...none, resource: "services", namespace: "a", name: "s", subresource: "proxy", subpath: "x/y" },
  ],
  ["/api/v1/watch/namespaces/a/pods/p", { ...none, resource: "pods", namespace: "a", name: "p", watchPrefix: true }],
  [
    "/apis/apps/v1/namespaces/a/deployments/d",
    { ...none, group: "apps", resource: "deployments", namespace: "a", name: "d" },
  ],
  ["/apis/apps/v1/watch/deployments", { ...none, group: "apps", resource: "deployments", watchPrefix: true }],
  [
    "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aadmin",
    { ...none, group: "rbac.authorization.k8s.io", resource: "clusterroles", name: "system:admin" },
  ],
])("%s names a resource", (path, route) => {
  expect(parseRoute(path)).toEqual({ type: "resource", ...route });
});

it.each(["/", "/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/version", "/openapi/v3/apis/apps/v1"])(
  "%s names no resource",
  (path) => {
    expect(parseRoute(path)).toEqual({ type: "path", path });
  },
);
