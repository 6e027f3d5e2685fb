import { expect, it } from "vitest";
import { createResourceRegistry } from "../registry/resource-registry.ts";
import type { ApiResponse } from "../request.ts";
import { nativeResources } from "../resources/native.ts";
import { OpenApi } from "./openapi.ts";

const openApi = new OpenApi(createResourceRegistry(nativeResources()));

function get(url: string, headers: Record<string, string> = {}): ApiResponse | undefined {
  const { pathname, searchParams } = new URL(url, "http://localhost");
  return openApi.handle(pathname, searchParams, headers);
}

// biome-ignore lint/suspicious/noExplicitAny: documents of many shapes.
function bodyOf(answer: ApiResponse | undefined): any {
  if (answer?.body.type !== "bytes") throw new Error("no body");
  return JSON.parse(answer.body.chunks.map((chunk) => chunk.toString()).join(""));
}

const { paths } = bodyOf(get("/openapi/v3"));
const urlOf = (group: string): string => paths[group].serverRelativeURL;

it("has a document for each group version", () => {
  expect(paths).toHaveProperty(["api/v1"]);
  expect(paths).toHaveProperty(["apis/apps/v1"]);
});

it("says what kubectl looks for", () => {
  const document = bodyOf(get(urlOf("apis/apps/v1")));
  const operation = document.paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"].patch;
  expect(operation["x-kubernetes-group-version-kind"]).toEqual({ group: "apps", version: "v1", kind: "Deployment" });
  const parameters = operation.parameters.map(({ name }: { name: string }) => name);
  expect(parameters).toEqual(expect.arrayContaining(["dryRun", "fieldManager", "fieldValidation", "force"]));
  expect(document.components.schemas).toHaveProperty(["io.k8s.api.apps.v1.Deployment", "properties", "spec"]);
});

it("lets clients keep a document under its hash", () => {
  const answer = get(urlOf("apis/batch/v1"));
  expect(answer?.headers["cache-control"]).toContain("immutable");
  const etag = answer?.headers["etag"] ?? "";
  expect(get(urlOf("apis/batch/v1"), { "if-none-match": etag })?.status).toBe(304);
});

it("leads from an old hash to the new", () => {
  const answer = get("/openapi/v3/apis/batch/v1?hash=OLD");
  expect([answer?.status, answer?.headers["location"]]).toEqual([301, urlOf("apis/batch/v1")]);
});

it("has nothing for groups that are not served", () => {
  expect(get("/openapi/v3/apis/nothing/v1")).toBeUndefined();
});

it("has schemas with numbers beyond 2^53", () => {
  const registry = createResourceRegistry(nativeResources());
  const deployments = registry.lookup("apps", "v1", "deployments");
  if (deployments === undefined) throw new Error("no deployments");
  const openApiSchema = () => ({ type: "object", default: 9007199254740993n as unknown as number });
  registry.set({ ...deployments, group: "example.com", custom: true, openApiSchema });
  const custom = new OpenApi(registry);
  const answer = custom.handle("/openapi/v3/apis/example.com/v1", new URLSearchParams(), {});
  expect(answer?.body.type === "bytes" && answer.body.chunks.join("")).toContain('"default":9007199254740993');
});
