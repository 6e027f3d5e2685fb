import type { JsonObject, TypeTable } from "@podwright/kube";
import type { Resource, Subresource } from "../resources/resource.ts";
import { capitalized, componentRef, customComponent, groupVersionTitle, groupWords } from "./names.ts";
import {
  deleteCollectionParameters,
  deleteParameters,
  listParameters,
  type Parameter,
  patchParameters,
  resourceVersion,
  writeParameters,
} from "./parameters.ts";

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
const statusComponent = `${meta}.Status`;
const deleteOptions = `${meta}.DeleteOptions`;
const watchEvent = `${meta}.WatchEvent`;
const patch = `${meta}.Patch`;

const nativeTypes = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
const nativeStreams = [
  ...nativeTypes,
  "application/json;stream=watch",
  "application/vnd.kubernetes.protobuf;stream=watch",
];
const customTypes = ["application/json", "application/yaml"];
const patchTypes = ["application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"];

/** One operation of a path, before parameters that all operations of the path have are moved up to it. */
export interface Operation {
  method: "get" | "put" | "post" | "delete" | "options" | "head" | "patch";
  parameters: readonly Parameter[];
  body: JsonObject;
}

/** Where an operation is: on one resource, or on its subresource. */
export interface Target {
  resource: Resource;
  subresource?: Subresource;
  /** For operations on all namespaces of a namespaced resource. */
  allNamespaces?: boolean;
}

/** Makes the operations of one group version's resources, and keeps the components they refer to. */
export class OperationBuilder {
  readonly table: TypeTable;
  /** Components of native structs. */
  readonly components = new Set<string>();

  constructor(table: TypeTable) {
    this.table = table;
  }

  list(target: Target): Operation {
    const { resource } = target;
    return this.operation(target, "get", "list", "list", `list or watch objects of kind ${resource.kind}`, {
      parameters: listParameters,
      responses: { 200: ["OK", this.component(resource, resource.listKind)] },
      streams: true,
    });
  }

  create(target: Target): Operation {
    const { name, description } = this.described(target);
    const created = this.kindComponent(target);
    return this.operation(target, "post", "create", "post", `create ${description}`, {
      parameters: writeParameters,
      body: created,
      bodyRequired: true,
      responses: { 200: ["OK", created], 201: ["Created", created], 202: ["Accepted", created] },
      name,
    });
  }

  read(target: Target): Operation {
    const { name, description } = this.described(target);
    const text = target.subresource?.name === "log";
    return this.operation(target, "get", "read", "get", `read ${description}`, {
      parameters: target.resource.custom ? [resourceVersion] : [],
      responses: { 200: ["OK", text ? undefined : this.kindComponent(target)] },
      ...(text && { types: [...nativeTypes, "text/plain"] }),
      name,
    });
  }

  replace(target: Target): Operation {
    const { name, description } = this.described(target);
    const component = this.kindComponent(target);
    return this.operation(target, "put", "replace", "put", `replace ${description}`, {
      parameters: writeParameters,
      body: component,
      bodyRequired: true,
      responses: { 200: ["OK", component], 201: ["Created", component] },
      name,
    });
  }

  patch(target: Target): Operation {
    const { name, description } = this.described(target);
    const component = this.kindComponent(target);
    const { custom } = target.resource;
    return this.operation(target, "patch", "patch", "patch", `partially update ${description}`, {
      parameters: patchParameters,
      body: this.native(patch),
      bodyRequired: true,
      bodyTypes: custom ? patchTypes : [...patchTypes, "application/strategic-merge-patch+json"],
      responses: { 200: ["OK", component], ...(!custom && { 201: ["Created", component] }) },
      name,
    });
  }

  delete(target: Target): Operation {
    const { name, description } = this.described(target);
    // A namespace's deletion answers with the namespace, but is published as if it did not.
    const { strategy, kind } = target.resource;
    const returnsObject = strategy.returnsDeletedObject && kind !== "Namespace";
    const answer = returnsObject ? this.kindComponent(target) : this.native(statusComponent);
    return this.operation(target, "delete", "delete", "delete", `delete ${description}`, {
      parameters: deleteParameters,
      body: this.native(deleteOptions),
      responses: { 200: ["OK", answer], 202: ["Accepted", answer] },
      name,
    });
  }

  deleteCollection(target: Target): Operation {
    const { resource } = target;
    return this.operation(
      target,
      "delete",
      "deleteCollection",
      "deletecollection",
      `delete collection of ${resource.kind}`,
      {
        parameters: resource.custom ? listParameters : deleteCollectionParameters,
        ...(!resource.custom && { body: this.native(deleteOptions) }),
        responses: { 200: ["OK", this.native(statusComponent)] },
      },
    );
  }

  watch(target: Target, list: boolean): Operation {
    const { resource } = target;
    const description = list
      ? `watch individual changes to a list of ${resource.kind}`
      : `watch changes to an object of kind ${resource.kind}`;
    return this.operation(target, "get", "watch", list ? "watchlist" : "watch", description, {
      parameters: listParameters,
      responses: { 200: ["OK", this.native(watchEvent)] },
      streams: true,
      ...(list && { name: `${resource.kind}List` }),
    });
  }

  /** Upgrades and proxies: the parameters are those of the options kind. */
  connect(target: Target, method: Operation["method"], parameters: readonly Parameter[], withPath: boolean): Operation {
    const { name, description } = this.described(target);
    const verb = `connect ${method.toUpperCase()} requests to ${description.replace(/^an? /, "")}`;
    const operation = this.operation(target, method, "connect", "connect", verb, {
      parameters,
      responses: { 200: ["OK", undefined] },
      types: ["*/*"],
      name: `${name}${withPath ? "WithPath" : ""}`,
    });
    operation.body["operationId"] = this.operationId(
      target,
      `connect`,
      `${name}${withPath ? "WithPath" : ""}`,
      capitalized(method),
    );
    return operation;
  }

  private operation(
    target: Target,
    method: Operation["method"],
    idVerb: string,
    action: string,
    description: string,
    options: {
      parameters: readonly Parameter[];
      body?: string;
      bodyRequired?: boolean;
      bodyTypes?: readonly string[];
      responses: Record<number, [string, string | undefined]>;
      streams?: boolean;
      types?: readonly string[];
      /** The name in the operation id, when it is not the kind's. */
      name?: string;
    },
  ): Operation {
    const { resource, subresource } = target;
    const { custom } = resource;
    const types = options.types ?? (custom ? customTypes : options.streams ? nativeStreams : nativeTypes);
    const responses: JsonObject = {};
    for (const [code, [text, component]] of Object.entries(options.responses)) {
      const schema = component === undefined ? { type: "string" } : componentRef(component);
      responses[code] = { description: text, content: content(types, schema) };
    }
    responses["401"] = { description: "Unauthorized" };
    const verb = idVerb === "deleteCollection" ? "delete" : idVerb;
    const infix = idVerb === "deleteCollection" ? "Collection" : "";
    const body: JsonObject = {
      tags: [`${groupWords(resource.group)}_${resource.version}`],
      description,
      operationId: this.operationId(target, verb, options.name ?? resource.kind, infix),
    };
    if (options.body !== undefined) {
      const bodyTypes = options.bodyTypes ?? (custom ? customTypes : ["*/*"]);
      body["requestBody"] = {
        content: content(bodyTypes, componentRef(options.body)),
        ...(options.bodyRequired && { required: true }),
      };
    }
    body["responses"] = responses;
    body["x-kubernetes-action"] = action;
    body["x-kubernetes-group-version-kind"] = {
      group: subresource?.group ?? resource.group,
      version: subresource?.version ?? resource.version,
      kind: subresource?.kind ?? resource.kind,
    };
    return { method, parameters: options.parameters, body };
  }

  /** "listAppsV1NamespacedDeployment", "listAppsV1DeploymentForAllNamespaces" */
  private operationId({ resource, allNamespaces }: Target, verb: string, name: string, infix: string): string {
    const scope = resource.namespaced && !allNamespaces ? "Namespaced" : "";
    const suffix = allNamespaces ? "ForAllNamespaces" : "";
    return `${verb}${groupVersionTitle(resource.group, resource.version)}${infix}${scope}${name}${suffix}`;
  }

  private described({ resource, subresource }: Target): { name: string; description: string } {
    if (subresource === undefined) return { name: resource.kind, description: `the specified ${resource.kind}` };
    return {
      name: resource.kind + capitalized(subresource.name),
      description: `${subresource.name} of the specified ${resource.kind}`,
    };
  }

  private kindComponent({ resource, subresource }: Target): string {
    if (subresource === undefined || subresource.kind === resource.kind) return this.component(resource, resource.kind);
    const group = subresource.group ?? resource.group;
    const version = subresource.version ?? resource.version;
    return this.native(this.table.structOfKind(group, version, subresource.kind)?.name ?? statusComponent);
  }

  private component(resource: Resource, kind: string): string {
    if (resource.custom) return customComponent(resource, kind);
    return this.native(this.table.structOfKind(resource.group, resource.version, kind)?.name ?? statusComponent);
  }

  private native(component: string): string {
    this.components.add(component);
    return component;
  }
}

function content(types: readonly string[], schema: JsonObject): JsonObject {
  return Object.fromEntries(types.map((type) => [type, { schema }]));
}
