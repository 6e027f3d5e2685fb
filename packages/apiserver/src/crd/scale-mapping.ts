import { type FieldError, fieldError, isJsonObject, type JsonValue, type KubeObject } from "@podwright/kube";
import type { ScaleMapping } from "../resources/resource.ts";
import type { ScalePaths } from "./definition.ts";

const maxInt32 = 2 ** 31 - 1;

/** The scale subresource of a custom resource (k8s.io/apiextensions-apiserver/pkg/registry/customresource/etcd.go). */
export function scaleMapping(paths: ScalePaths): ScaleMapping {
  return {
    specReplicasPath: paths.specReplicasPath,
    specReplicas: (object) => numberAt(object, paths.specReplicasPath),
    statusReplicas: (object) => numberAt(object, paths.statusReplicasPath) ?? 0,
    selector: (object) => textAt(object, paths.labelSelectorPath),
    setReplicas(object, replicas) {
      const names = split(paths.specReplicasPath);
      const last = names.pop() as string;
      let parent: Record<string, unknown> = object;
      for (const name of names) {
        if (!isJsonObject(parent[name])) parent[name] = {};
        parent = parent[name] as Record<string, unknown>;
      }
      parent[last] = replicas;
    },
  };
}

/** What the paths lead to must be replicas. */
export function validateScale(
  object: KubeObject,
  paths: ScalePaths,
  parts: readonly ("spec" | "status")[],
): FieldError[] {
  const errors: FieldError[] = [];
  const check = (path: string) => {
    try {
      const replicas = numberAt(object, path) ?? 0;
      if (replicas < 0) errors.push(fieldError.invalid(path, replicas, "should be a non-negative integer"));
      else if (replicas > maxInt32) {
        errors.push(fieldError.invalid(path, replicas, `should be less than or equal to ${maxInt32}`));
      }
    } catch (error) {
      errors.push(fieldError.invalid(path, 0, (error as Error).message));
    }
  };
  if (parts.includes("spec")) check(paths.specReplicasPath);
  if (!parts.includes("status")) return errors;
  check(paths.statusReplicasPath);
  try {
    textAt(object, paths.labelSelectorPath);
  } catch (error) {
    errors.push(fieldError.invalid(paths.labelSelectorPath ?? "", "", (error as Error).message));
  }
  return errors;
}

function numberAt(object: KubeObject, path: string): number | undefined {
  const value = valueAt(object, path);
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isInteger(value)) return value;
  throw new Error(`${path} accessor error: ${shown(value)} is of the type ${goType(value)}, expected int64`);
}

function textAt(object: KubeObject, path: string | undefined): string {
  if (!path) return "";
  const value = valueAt(object, path);
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  throw new Error(`${path} accessor error: ${shown(value)} is of the type ${goType(value)}, expected string`);
}

function valueAt(object: KubeObject, path: string): JsonValue | undefined {
  let value: JsonValue | undefined = object as JsonValue;
  for (const name of split(path)) {
    if (value === undefined) return undefined;
    if (!isJsonObject(value)) {
      throw new Error(
        `${path} accessor error: ${shown(value)} is of the type ${goType(value)}, expected map[string]interface{}`,
      );
    }
    value = value[name];
  }
  return value;
}

function split(path: string): string[] {
  return path.replace(/^\./, "").split(".");
}

/** As Go prints it. */
function shown(value: JsonValue): string {
  return value === null ? "<nil>" : typeof value === "object" ? JSON.stringify(value) : String(value);
}

function goType(value: JsonValue): string {
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return "[]interface {}";
  if (typeof value === "object") return "map[string]interface {}";
  if (typeof value === "boolean") return "bool";
  return typeof value === "string" ? "string" : Number.isInteger(value) ? "int64" : "float64";
}
