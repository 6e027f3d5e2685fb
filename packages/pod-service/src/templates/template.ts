import { jobs, pods, type ResourceRef } from "@podwright/client";
import type { JsonObject, JsonValue, KubeObject } from "@podwright/kube";
import { invalidField, Problem } from "../problem.ts";
import { isObject, type Tenant } from "../tenants/tenant.ts";
import { literalArgument } from "./argument.ts";
import { compileParameters, type Parameters } from "./parameters.ts";
import { fillNamed, fillPositional, isPositional, names, type PlaceholderValues } from "./placeholders.ts";
import { addVolumes, type VolumeRequest } from "./volumes.ts";

/** A template made ready: a Pod or a Job with places to fill. */
export interface Template {
  name: string;
  ref: ResourceRef;
  object: JsonObject;
  parameters?: Parameters;
  /** Where the command goes; undefined when the template takes none. */
  command: "named" | "positional" | "third argument" | undefined;
}

/** What fills a template. */
export interface Filling {
  tenantId: string;
  hash: string;
  cmd?: string;
  params?: unknown;
  vols: readonly VolumeRequest[];
}

/**
 * The tenant's template of that name; without a name "pod", as upstream calls it, or the only one there is. Throws
 * a Problem when there is none, or when it is not written as it must be.
 */
export function chooseTemplate(tenant: Tenant, wanted: string | undefined): { name: string; source: JsonObject } {
  const all = Object.keys(tenant.templates);
  const name = wanted ?? (all.length === 1 ? all[0] : undefined) ?? "pod";
  if (!Object.hasOwn(tenant.templates, name)) {
    throw invalidField("template", all.length === 0 ? "the tenant has no templates" : "the tenant has no such template");
  }
  return { name, source: tenant.templates[name]! };
}

/**
 * Reads a template: a Pod or a Job as it is (upstream's), or { template, parameters }. The kind may be written in
 * any case. Throws an Error that says what is wrong with it.
 */
export function compileTemplate(name: string, source: JsonObject, thirdArgument: boolean): Template {
  const wrapped = isObject(source["template"]) && source["spec"] === undefined;
  const object = wrapped ? (source["template"] as JsonObject) : source;
  const kind = String(object["kind"] ?? "pod").toLowerCase();
  if (kind !== "pod" && kind !== "job") throw new Error(`kind ${object["kind"]}: there is Pod and Job`);
  const metadata = object["metadata"];
  if (!isObject(metadata) || typeof metadata["name"] !== "string") throw new Error("metadata.name is missing");
  const spec = podSpecOf(object, kind === "job");
  if (spec === undefined) throw new Error(`the ${kind} has no pod specification`);
  const containers = containersOf(spec);
  if (containers.length === 0) throw new Error("the pod has no containers");
  const parameters = wrapped && isObject(source["parameters"]) ? compileParameters(source["parameters"]) : undefined;
  return {
    name,
    ref: kind === "job" ? jobs : pods,
    object,
    ...(parameters === undefined ? {} : { parameters }),
    command: commandPlace(containers, object, thirdArgument && !wrapped),
  };
}

/** The object to create: filled, with the request's volumes beside the template's own. Throws a Problem. */
export function renderTemplate(template: Template, filling: Filling): KubeObject {
  const { cmd, hash, tenantId, vols } = filling;
  if (template.command === undefined && cmd !== undefined) throw invalidField("cmd", "the template takes no command");
  if (template.command !== undefined && cmd === undefined) throw invalidField("cmd", "is missing");
  if (template.parameters === undefined && isObject(filling.params) && Object.keys(filling.params).length > 0) {
    throw invalidField("params", "the template has no parameters");
  }
  const values: PlaceholderValues = {
    ...template.parameters?.check(filling.params),
    tenantId,
    hash,
    ...(cmd === undefined ? {} : { cmd }),
  };
  const isJob = template.ref === jobs;
  const object = fill(template.object, values) as JsonObject;
  const metadata = object["metadata"] as JsonObject;
  metadata["name"] = nameOf((template.object["metadata"] as JsonObject)["name"] as string, tenantId, hash, values);
  const spec = podSpecOf(object, isJob) as JsonObject;
  const originals = containersOf(podSpecOf(template.object, isJob) as JsonObject);
  const receivers: JsonObject[] = [];
  for (const [index, container] of containersOf(spec).entries()) {
    if (fillContainer(container, originals[index] as JsonObject, template, values, cmd)) receivers.push(container);
  }
  const main = (spec["containers"] as JsonObject[])[0] as JsonObject;
  if (template.command === "third argument") (main["args"] as JsonValue[])[2] = literalArgument(cmd ?? "", main);
  const mounting = receivers.length === 0 ? [main] : receivers;
  addVolumes(spec, mounting, vols);
  return { ...object, apiVersion: isJob ? "batch/v1" : "v1", kind: isJob ? "Job" : "Pod", metadata } as KubeObject;
}

/** Fills command and args, where `{}` counts too and each text is one argument. Tells whether the command went in. */
function fillContainer(
  container: JsonObject,
  original: JsonObject,
  template: Template,
  values: PlaceholderValues,
  cmd: string | undefined,
): boolean {
  let received = false;
  for (const member of ["command", "args"]) {
    const texts = original[member];
    if (!Array.isArray(texts)) continue;
    const literal = Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, literalArgument(String(value), original)]),
    );
    container[member] = texts.map((text) => {
      if (typeof text !== "string") return text;
      if (names(text, "cmd")) received = true;
      if (template.command === "positional" && isPositional(text)) {
        received = true;
        const argument = literalArgument(cmd ?? "", original);
        return fillPositional(text, [argument, argument, argument], literal);
      }
      return String(fillNamed(text, literal));
    });
  }
  return received;
}

/** Maps whose values are texts, whatever a parameter's type is; so is each "value": of variables, headers, tolerations. */
const textMaps = new Set(["labels", "annotations", "nodeSelector", "matchLabels"]);

function fill(value: JsonValue | undefined, values: PlaceholderValues, isText = false): JsonValue | undefined {
  if (typeof value === "string") {
    const filled = fillNamed(value, values);
    return isText ? String(filled) : filled;
  }
  if (Array.isArray(value)) return value.map((item) => fill(item, values) as JsonValue);
  if (!isObject(value)) return value;
  const filled: JsonObject = {};
  for (const [name, member] of Object.entries(value)) {
    if (name === "__proto__") continue;
    filled[name] = textMaps.has(name) && isObject(member) ? fillTexts(member, values) : fill(member, values, name === "value");
  }
  return filled;
}

function fillTexts(map: JsonObject, values: PlaceholderValues): JsonObject {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, fill(value, values, true)]));
}

function nameOf(pattern: string, tenantId: string, hash: string, values: PlaceholderValues): string {
  const name = fillPositional(pattern, [tenantId, hash], values);
  // Ids of other systems may have capitals, names of objects may not.
  return name.toLowerCase();
}

function commandPlace(containers: readonly JsonObject[], object: JsonObject, thirdArgument: boolean): Template["command"] {
  if (JSON.stringify(object).includes("{cmd}")) return "named";
  const texts = containers.flatMap((container) => [container["command"], container["args"]]).flat();
  if (texts.some((text) => typeof text === "string" && isPositional(text))) return "positional";
  const args = containers[0]?.["args"];
  return thirdArgument && Array.isArray(args) && args.length >= 3 ? "third argument" : undefined;
}

/** The pod's specification within a Pod or a Job. */
function podSpecOf(object: JsonObject, isJob: boolean): JsonObject | undefined {
  const spec = object["spec"];
  if (!isJob) return isObject(spec) ? spec : undefined;
  const template = isObject(spec) ? spec["template"] : undefined;
  const podSpec = isObject(template) ? template["spec"] : undefined;
  return isObject(podSpec) ? podSpec : undefined;
}

/** The main containers first: the first of them is the one that matters. */
function containersOf(spec: JsonObject): JsonObject[] {
  const lists = [spec["containers"], spec["initContainers"]];
  return lists.flatMap((list) => (Array.isArray(list) ? list.filter(isObject) : []));
}

/** Templates compiled before, by their text. */
export class TemplateCache {
  readonly #compiled = new Map<string, Template | Error>();
  /** The same, of objects that were seen before. */
  readonly #seen = new WeakMap<JsonObject, Template>();
  readonly #limit: number;

  constructor(limit = 500) {
    this.#limit = limit;
  }

  /** Throws a Problem (template_invalid) that says what is wrong with it. */
  compile(tenant: Tenant, name: string, source: JsonObject): Template {
    const seen = this.#seen.get(source);
    if (seen !== undefined && seen.name === name) return seen;
    const key = `${tenant.replacesThirdArgument} ${name} ${JSON.stringify(source)}`;
    let found = this.#compiled.get(key);
    if (found === undefined) {
      try {
        found = compileTemplate(name, source, tenant.replacesThirdArgument);
      } catch (error) {
        found = error as Error;
      }
      if (this.#compiled.size >= this.#limit) this.#compiled.delete(this.#compiled.keys().next().value as string);
      this.#compiled.set(key, found);
    }
    if (found instanceof Error) throw new Problem("template_invalid", `template "${name}": ${found.message}`);
    this.#seen.set(source, found);
    return found;
  }
}
