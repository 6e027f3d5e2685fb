import { type JsonObject, nativeTypes, openApiSchemas } from "@podwright/kube";
import type { Resource } from "../resources/resource.ts";
import { componentRef, customComponent, groupVersionPath, groupVersionTitle, groupWords } from "./names.ts";
import { OperationBuilder } from "./operations.ts";
import { resourcePaths } from "./paths.ts";

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
const mediaTypes = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];

/** The document of one group version, of native resources, custom ones, or both. */
export function groupVersionDocument(group: string, version: string, resources: readonly Resource[]): JsonObject {
  const builder = new OperationBuilder(nativeTypes());
  const native = resources.some((resource) => !resource.custom);
  let paths: Record<string, JsonObject> = {};
  const custom: Record<string, JsonObject> = {};
  if (native) {
    const path = `${groupVersionPath(group, version)}/`;
    paths[path] = discoveryPath(
      `${groupWords(group)}_${version}`,
      `get${groupVersionTitle(group, version)}APIResources`,
      "APIResourceList",
    );
    builder.components.add(`${meta}.APIResourceList`);
  }
  for (const resource of resources) {
    paths = { ...paths, ...resourcePaths(resource, builder) };
    if (resource.custom) Object.assign(custom, customSchemas(resource, builder));
  }
  const sorted = Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1)));
  return document(sorted, { ...openApiSchemas(builder.components), ...custom });
}

/** The documents of the discovery paths: "api", "apis" and "apis/apps". */
export function discoveryDocument(path: string): JsonObject {
  const group = path.startsWith("apis/") ? path.slice("apis/".length) : undefined;
  const [kind, tag, id] =
    path === "api"
      ? ["APIVersions", "core", "getCoreAPIVersions"]
      : group === undefined
        ? ["APIGroupList", "apis", "getAPIVersions"]
        : ["APIGroup", groupWords(group), `get${groupVersionTitle(group, "")}APIGroup`];
  return document({ [`/${path}/`]: discoveryPath(tag, id, kind) }, openApiSchemas([`${meta}.${kind}`]));
}

function document(paths: JsonObject, schemas: JsonObject): JsonObject {
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: "1.35" },
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: {
        BearerToken: {
          type: "apiKey",
          description: "Bearer Token authentication",
          name: "authorization",
          in: "header",
        },
      },
    },
  };
}

function discoveryPath(tag: string, operationId: string, kind: string): JsonObject {
  const schema = componentRef(`${meta}.${kind}`);
  const content = Object.fromEntries(mediaTypes.map((type) => [type, { schema }]));
  return {
    get: {
      tags: [tag],
      description: "get what is served here",
      operationId,
      responses: { 200: { description: "OK", content }, 401: { description: "Unauthorized" } },
    },
  };
}

/** The schemas of a custom resource and its list: what the CRD says, with what every object has. */
function customSchemas(resource: Resource, builder: OperationBuilder): Record<string, JsonObject> {
  for (const name of ["ObjectMeta", "ListMeta"]) builder.components.add(`${meta}.${name}`);
  const { group, version, kind, listKind, plural } = resource;
  const typeFields = {
    apiVersion: { type: "string", description: "The group and version of the object's schema." },
    kind: { type: "string", description: "The object's kind." },
  };
  const reference = (name: string, description: string) => ({ description, allOf: [componentRef(`${meta}.${name}`)] });
  const published = resource.openApiSchema?.() ?? { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const properties = published["properties"] as JsonObject | undefined;
  return {
    [customComponent(resource, kind)]: {
      "x-kubernetes-group-version-kind": [{ group, kind, version }],
      ...published,
      properties: {
        ...properties,
        ...typeFields,
        metadata: reference("ObjectMeta", "The object's name, labels and the like."),
      },
    },
    [customComponent(resource, listKind)]: {
      type: "object",
      description: `${listKind} is a list of ${kind}`,
      required: ["items"],
      properties: {
        ...typeFields,
        metadata: reference("ListMeta", "What is to be said of the list as a whole."),
        items: {
          type: "array",
          description: `List of ${plural}.`,
          items: componentRef(customComponent(resource, kind)),
        },
      },
      "x-kubernetes-group-version-kind": [{ group, kind: listKind, version }],
    },
  };
}
