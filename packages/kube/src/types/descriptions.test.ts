import { describe, expect, test } from "vitest";
import { describeType, parseDeclarations } from "./descriptions.ts";

describe("descriptions", () => {
  test("come from the doc comments of declarations and their members", () => {
    const types = parseDeclarations(
      [
        'import { A } from "../b";',
        "/** A thing. */",
        "export interface Thing {",
        "    /** Its name. */",
        "    name: string;",
        "    /**",
        "     * Its size:",
        "     *   in metres",
        "     *",
        "     * Not more.",
        "     */",
        "    size?: number;",
        "    plain?: {",
        "        [name: string]: string;",
        "    };",
        "    /** What it is like. */",
        "    readonly status?: A;",
        "}",
        "export interface Bare {",
        "}",
        "/** A word. */",
        "export type Word = string;",
      ].join("\n"),
    );
    expect(Object.fromEntries(types)).toEqual({
      Thing: {
        description: "A thing.",
        fields: { name: "Its name.", size: "Its size:\n  in metres\n\nNot more.", status: "What it is like." },
      },
      Bare: { description: "", fields: {} },
      Word: { description: "A word.", fields: {} },
    });
  });

  test.each([
    ["io.k8s.api.core.v1.PodSpec", "containers"],
    ["io.k8s.api.apps.v1.Deployment", "spec"],
    ["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "labels"],
    ["io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionSpec", "scope"],
    ["io.k8s.api.networking.v1.ServiceCIDR", "spec"],
    ["io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService", "metadata"],
  ])("%s has one for %s", (structName, field) => {
    expect(describeType(structName).fields[field]).toMatch(/\w+ \w+/);
  });

  test("are found for types that are no objects", () => {
    expect(describeType("io.k8s.apimachinery.pkg.api.resource.Quantity").description).not.toBe("");
    expect(describeType("io.k8s.apimachinery.pkg.runtime.RawExtension").description).not.toBe("");
  });

  test("are empty for what the package does not know", () => {
    expect(describeType("io.example.Nothing").description).toBe("");
  });
});
