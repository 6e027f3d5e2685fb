import { isJsonObject, type JsonValue, messageOf, parseLabelSelector } from "@podwright/kube";
import { helmYaml } from "../helm/yaml.ts";
import type { ObjectTarget, PackSpec } from "../pack.ts";

/** What is wrong with spec.postRender and the targets of spec.driftDetection.ignore, each with its path. */
export async function patchProblems(spec: PackSpec): Promise<string[]> {
  const problems: string[] = [];
  for (const [at, { patch, target }] of (spec.postRender ?? []).entries()) {
    const path = `spec.postRender[${at}]`;
    problems.push(...(await patchProblem(patch, target)).map((wrong) => `${path}.patch${wrong}`));
    problems.push(...targetProblems(target, `${path}.target`));
  }
  for (const [at, { target }] of (spec.driftDetection?.ignore ?? []).entries()) {
    problems.push(...targetProblems(target, `spec.driftDetection.ignore[${at}].target`));
  }
  return problems;
}

async function patchProblem(text: string, target: ObjectTarget | undefined): Promise<string[]> {
  const { parseDocument } = await import("yaml");
  const document = parseDocument(text, helmYaml);
  const [error] = document.errors;
  if (error !== undefined) return [`: it is no YAML: ${error.message.split("\n")[0]}`];
  let value: JsonValue;
  try {
    value = document.toJS({ maxAliasCount: 100 }) as JsonValue;
  } catch (failure) {
    return [`: it is no YAML: ${messageOf(failure)}`];
  }
  if (Array.isArray(value)) {
    if (target === undefined) return [": a list of operations needs a target: {} for every object"];
    return value.flatMap((operation, index) => operationProblems(operation).map((wrong) => `[${index}]: ${wrong}`));
  }
  if (!isJsonObject(value)) return [": it is neither an object nor a list of operations"];
  const { kind, metadata } = value;
  const named = typeof kind === "string" && isJsonObject(metadata) && typeof metadata["name"] === "string";
  if (target === undefined && !named) return [": it needs a target, or kind and metadata.name in itself"];
  return [];
}

/** Of a JSON patch's operation (RFC 6902). */
function operationProblems(operation: JsonValue): string[] {
  if (!isJsonObject(operation)) return ["an operation is an object with op and path"];
  const { op, path, from } = operation;
  if (typeof op !== "string" || !["add", "remove", "replace", "move", "copy", "test"].includes(op)) {
    return [`op: ${JSON.stringify(op) ?? "nothing"} is none of add, remove, replace, move, copy, test`];
  }
  if (!isPointer(path)) return [`path: ${JSON.stringify(path) ?? "nothing"} is no JSON pointer: it begins with "/"`];
  if (["move", "copy"].includes(op) && !isPointer(from)) {
    return [`from: ${JSON.stringify(from) ?? "nothing"} is no JSON pointer: it begins with "/"`];
  }
  if (["add", "replace", "test"].includes(op) && operation["value"] === undefined) return [`${op} needs a value`];
  return [];
}

function isPointer(value: JsonValue | undefined): boolean {
  return typeof value === "string" && (value === "" || (value.startsWith("/") && !/~(?![01])/.test(value)));
}

function targetProblems(target: ObjectTarget | undefined, path: string): string[] {
  if (target?.labelSelector === undefined) return [];
  try {
    parseLabelSelector(target.labelSelector);
    return [];
  } catch (error) {
    return [`${path}.labelSelector: ${messageOf(error)}`];
  }
}
