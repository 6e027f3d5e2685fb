import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import type { JsonObject, JsonValue } from "../object.ts";
import { openApiSchemas } from "./openapi-schema.ts";
import { nativeTypes } from "./table.ts";

/** The schemas that a real API server of the table's version publishes: needs KUBECONFIG_REAL and kubectl. */
const kubeconfig = process.env["KUBECONFIG_REAL"];
const isSameVersion = kubeconfig !== undefined && JSON.parse(raw("/version")).gitVersion.startsWith("v1.35.");

describe.skipIf(!isSameVersion)("a real API server 1.35 (KUBECONFIG_REAL)", () => {
  test("publishes the same component schemas, descriptions aside", () => {
    for (const apiVersion of new Set(nativeTypes().kinds.map(pathOf))) {
      const { components } = JSON.parse(raw(`/openapi/v3/${apiVersion}`)) as {
        components: { schemas: Record<string, JsonValue> };
      };
      const names = Object.keys(components.schemas).filter((name) => nativeTypes().struct(name) !== undefined);
      const own = openApiSchemas(names);
      for (const [name, schema] of Object.entries(components.schemas)) {
        expect(comparable(own[name] ?? null), name).toEqual(comparable(schema));
      }
    }
  });
});

function pathOf({ group, version }: { group: string; version: string }): string {
  return group === "" ? `api/${version}` : `apis/${group}/${version}`;
}

function raw(path: string): string {
  const kubectl = process.env["KUBECTL"] ?? "kubectl";
  return execFileSync(kubectl, ["--kubeconfig", kubeconfig ?? "", "get", "--raw", path], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
}

/** Without descriptions, and without the allOf that a reference needs only beside one; required is a set. */
function comparable(schema: JsonValue): JsonValue {
  if (Array.isArray(schema)) return schema.map(comparable);
  if (typeof schema !== "object" || schema === null) return schema;
  const out: JsonObject = {};
  for (const [key, value] of Object.entries(schema)) {
    if (value === undefined || (key === "description" && typeof value === "string")) continue;
    out[key] = key === "required" && Array.isArray(value) ? value.map(String).sort() : comparable(value);
  }
  const { allOf, ...rest } = out;
  return Array.isArray(allOf) && Object.keys(rest).length === 0 ? (allOf[0] as JsonValue) : out;
}
