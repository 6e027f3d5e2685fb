import { describeType, type JsonObject } from "@podwright/kube";
import type { Resource, Subresource } from "../resources/resource.ts";
import { groupVersionPath } from "./names.ts";
import type { Operation, OperationBuilder, Target } from "./operations.ts";
import { optionsParameters, type Parameter, pathParameter, pretty, sortParameters } from "./parameters.ts";

const methods: Readonly<Record<string, readonly Operation["method"][]>> = {
  proxy: ["get", "put", "post", "delete", "options", "head", "patch"],
  exec: ["get", "post"],
  attach: ["get", "post"],
  portforward: ["get", "post"],
};

/** The paths of one resource and its subresources, with the operations its verbs allow. */
export function resourcePaths(resource: Resource, builder: OperationBuilder): Record<string, JsonObject> {
  const paths: Record<string, JsonObject> = {};
  const base = groupVersionPath(resource.group, resource.version);
  const verbs = new Set(resource.verbs);
  const name = pathParameter("name", `name of the ${resource.kind}`);
  const namespace = resource.namespaced ? [pathParameter("namespace", "the namespace of the object")] : [];
  const collection = resource.namespaced ? `/namespaces/{namespace}/${resource.plural}` : `/${resource.plural}`;
  const item = `${collection}/{name}`;
  const target: Target = { resource };

  const put = (path: string, parameters: readonly Parameter[], operations: (Operation | false)[]) => {
    const present = operations.filter((operation) => operation !== false);
    if (present.length > 0) paths[path] = pathItem(parameters, present);
  };

  const all: Target = { resource, allNamespaces: true };
  if (resource.namespaced) put(`${base}/${resource.plural}`, [pretty], [verbs.has("list") && builder.list(all)]);
  put(
    `${base}${collection}`,
    [...namespace, pretty],
    [
      verbs.has("list") && builder.list(target),
      verbs.has("create") && builder.create(target),
      verbs.has("deletecollection") && builder.deleteCollection(target),
    ],
  );
  put(
    `${base}${item}`,
    [name, ...namespace, pretty],
    [
      verbs.has("get") && builder.read(target),
      verbs.has("update") && builder.replace(target),
      verbs.has("delete") && builder.delete(target),
      verbs.has("patch") && builder.patch(target),
    ],
  );
  for (const subresource of resource.subresources) {
    subresourcePaths(put, `${base}${item}`, [name, ...namespace], { resource, subresource }, subresource, builder);
  }
  if (verbs.has("watch") && !resource.custom) {
    if (resource.namespaced) put(`${base}/watch/${resource.plural}`, [pretty], [builder.watch(all, true)]);
    put(`${base}/watch${collection}`, [...namespace, pretty], [builder.watch(target, true)]);
    put(`${base}/watch${item}`, [name, ...namespace, pretty], [builder.watch(target, false)]);
  }
  return paths;
}

function subresourcePaths(
  put: (path: string, parameters: readonly Parameter[], operations: (Operation | false)[]) => void,
  item: string,
  parameters: readonly Parameter[],
  target: Target,
  subresource: Subresource,
  builder: OperationBuilder,
): void {
  const path = `${item}/${subresource.name}`;
  const connectMethods = methods[subresource.name];
  const { group = target.resource.group, version = target.resource.version, kind } = subresource;
  if (connectMethods !== undefined) {
    const options = optionParameters(builder, group, version, kind);
    const connect = (withPath: boolean) =>
      connectMethods.map((method) => builder.connect(target, method, options, withPath));
    put(path, parameters, connect(false));
    if (subresource.name === "proxy") {
      put(`${path}/{path}`, [...parameters, pathParameter("path", "where the request goes on")], connect(true));
    }
    return;
  }
  const verbs = new Set(subresource.verbs);
  const log = subresource.name === "log" ? optionParameters(builder, "", "v1", "PodLogOptions") : [];
  put(
    path,
    [...parameters, ...log.filter(({ name }) => name !== "pretty"), pretty],
    [
      verbs.has("get") && builder.read(target),
      verbs.has("update") && builder.replace(target),
      verbs.has("create") && builder.create(target),
      verbs.has("patch") && builder.patch(target),
    ],
  );
}

function optionParameters(builder: OperationBuilder, group: string, version: string, kind: string): Parameter[] {
  const struct = builder.table.structOfKind(group, version, kind);
  return optionsParameters(struct, struct === undefined ? {} : describeType(struct.name).fields);
}

/** Parameters that every operation has are the path's. */
function pathItem(own: readonly Parameter[], operations: Operation[]): JsonObject {
  const [first, ...others] = operations;
  const shared = (first?.parameters ?? []).filter((parameter) =>
    others.every((operation) => operation.parameters.includes(parameter) || operation.parameters === first?.parameters),
  );
  const item: JsonObject = {};
  for (const { method, parameters, body } of operations) {
    const left = sortParameters(parameters.filter((parameter) => !shared.includes(parameter)));
    const { tags, description, operationId, ...rest } = body;
    item[method] = { tags, description, operationId, ...(left.length > 0 && { parameters: left }), ...rest };
  }
  item["parameters"] = sortParameters([...own, ...shared]);
  return item;
}
