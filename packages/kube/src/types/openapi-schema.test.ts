import { describe, expect, test } from "vitest";
import { openApiSchemas } from "./openapi-schema.ts";
import { nativeTypes } from "./table.ts";

const core = "io.k8s.api.core.v1";

describe("component schemas", () => {
  const schemas = openApiSchemas([`${core}.Pod`, `${core}.Service`], { descriptions: false });

  test("show defaults, enums and how lists merge", () => {
    expect(schemas[`${core}.ContainerPort`]).toEqual({
      type: "object",
      properties: {
        name: { type: "string" },
        hostPort: { type: "integer", format: "int32" },
        containerPort: { type: "integer", format: "int32", default: 0 },
        protocol: { type: "string", default: "TCP", enum: ["SCTP", "TCP", "UDP"] },
        hostIP: { type: "string" },
      },
      required: ["containerPort"],
    });
    expect(schemas[`${core}.PodSpec`]).toMatchObject({
      properties: {
        containers: {
          type: "array",
          items: { allOf: [{ $ref: `#/components/schemas/${core}.Container` }], default: {} },
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["name"],
          "x-kubernetes-patch-strategy": "merge",
          "x-kubernetes-patch-merge-key": "name",
        },
        volumes: { "x-kubernetes-patch-strategy": "merge,retainKeys" },
      },
    });
  });

  test("name the kind they are of", () => {
    expect(schemas[`${core}.Pod`]).toMatchObject({
      "x-kubernetes-group-version-kind": [{ group: "", kind: "Pod", version: "v1" }],
    });
    const options = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
    const kinds = openApiSchemas([options])[options]?.["x-kubernetes-group-version-kind"];
    expect(kinds).toContainEqual({ group: "apps", kind: "DeleteOptions", version: "v1" });
  });

  test("hold all they refer to, special types included", () => {
    const all = openApiSchemas(
      nativeTypes().kinds.map((kind) => kind.type),
      { descriptions: false },
    );
    for (const [, name = ""] of JSON.stringify(all).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      expect(all, name).toHaveProperty([name]);
    }
    expect(all["io.k8s.apimachinery.pkg.api.resource.Quantity"]).toEqual({
      oneOf: [{ type: "string" }, { type: "number" }],
    });
  });

  test("are described where the package describes them", () => {
    const described = openApiSchemas([`${core}.Pod`])[`${core}.Pod`];
    expect(described).toHaveProperty("description");
    expect(described).toHaveProperty("properties.spec.description");
  });

  test("are refused for names that are no struct", () => {
    expect(() => openApiSchemas(["io.k8s.api.core.v1.Nothing"])).toThrow("no struct");
  });
});
