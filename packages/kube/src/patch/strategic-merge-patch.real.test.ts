import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DecodeError, decodeNative } from "../decode/native.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import { nativeTypes } from "../types/table.ts";
import { PatchError } from "./patch-error.ts";
import { strategicMergeCase } from "./strategic-merge-cases.ts";
import { applyStrategicMergePatch } from "./strategic-merge-patch.ts";

/** `kubectl patch --local` is upstream's own implementation: needs KUBECTL. No cluster is asked. */
const kubectl = process.env["KUBECTL"];

const kinds = {
  Pod: { apiVersion: "v1", struct: "io.k8s.api.core.v1.Pod" },
  Service: { apiVersion: "v1", struct: "io.k8s.api.core.v1.Service" },
  Deployment: { apiVersion: "apps/v1", struct: "io.k8s.api.apps.v1.Deployment" },
};

/** Undefined when there is no such object. */
type Patched = JsonValue | undefined;

function patchedByKubectl(object: JsonObject, patch: JsonObject, struct: string): Patched {
  const args = ["patch", "--local", "-f", "-", "--type=strategic", "-p", JSON.stringify(patch), "-o", "json"];
  const { status, stdout } = spawnSync(kubectl as string, args, { input: JSON.stringify(object), encoding: "utf8" });
  return status === 0 ? decoded(JSON.parse(stdout) as JsonValue, struct) : undefined;
}

function patchedHere(object: JsonObject, patch: JsonObject, struct: string): Patched {
  try {
    return decoded(applyStrategicMergePatch(object, patch, nativeTypes().patchSchema(struct)), struct);
  } catch (error) {
    if (error instanceof PatchError) return undefined;
    throw error;
  }
}

/** kubectl shows what it cannot decode as it is, the API server refuses it. */
function decoded(value: JsonValue, struct: string): Patched {
  try {
    return decodeNative(value, struct).object;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

describe.skipIf(kubectl === undefined)("strategic merge patches", () => {
  it("are what kubectl makes of them", { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(strategicMergeCase, ({ kind, original, patch }) => {
        const { apiVersion, struct } = kinds[kind];
        const whole: JsonObject = { apiVersion, kind, ...original };
        whole["metadata"] = { ...(original["metadata"] as JsonObject | undefined), name: "x", namespace: "default" };
        const object = decodeNative(whole, struct).object as JsonObject;
        // $patch at the root of the metadata may take the name, without which kubectl does not go on.
        fc.pre(!JSON.stringify(patch["metadata"] ?? {}).includes('"$patch"') && patch["metadata"] !== null);
        fc.pre(patch["$patch"] === undefined && patch["$retainKeys"] === undefined);
        fc.pre((patch["metadata"] as JsonObject | undefined)?.["$retainKeys"] === undefined);
        expect(patchedHere(object, patch, struct)).toEqual(patchedByKubectl(object, patch, struct));
      }),
      { numRuns: 60 },
    );
  });
});
