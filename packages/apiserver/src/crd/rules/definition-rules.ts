import {
  additionalSchema,
  type FieldError,
  fieldError,
  itemsSchema,
  type JsonObject,
  propertySchemas,
} from "@podwright/kube";
import { createEnvironment, type Environment } from "../../cel/environment.ts";
import { programOf } from "../../cel/program.ts";
import { ruleTypeErrors, writtenRules } from "./rule.ts";
import { declareType, isEmbedded } from "./self-type.ts";

/**
 * What is wrong with the expressions in a definition's schema, which is structural
 * (pkg/apis/apiextensions/validation/validation.go). Costs are not estimated.
 *
 * @param path of the schema
 */
export function definitionRuleErrors(schema: JsonObject, path: string): FieldError[] {
  return nodeErrors(schema, path, true, undefined, new Base());
}

/** An environment to begin with, made for the first rule. */
class Base {
  #environment: Environment | undefined;
  get environment(): Environment {
    this.#environment ??= createEnvironment();
    return this.#environment;
  }
}

/** @param uncorrelated the path of a list whose items have no counterparts in the old object */
function nodeErrors(
  schema: JsonObject,
  path: string,
  isResource: boolean,
  uncorrelated: string | undefined,
  base: Base,
): FieldError[] {
  const errors: FieldError[] = [];
  const additional = additionalSchema(schema);
  if (additional !== undefined) {
    errors.push(...nodeErrors(additional, `${path}.additionalProperties`, isEmbedded(additional), uncorrelated, base));
  }
  for (const [name, property] of propertySchemas(schema)) {
    errors.push(...nodeErrors(property, `${path}.properties[${name}]`, isEmbedded(property), uncorrelated, base));
  }
  const items = itemsSchema(schema);
  if (items !== undefined) {
    const lost = schema["x-kubernetes-list-type"] === "map" ? uncorrelated : (uncorrelated ?? path);
    errors.push(...nodeErrors(items, `${path}.items`, isEmbedded(items), lost, base));
  }
  if (writtenRules(schema).length > 0) errors.push(...ownErrors(schema, path, isResource, uncorrelated, base));
  return errors;
}

function ownErrors(
  schema: JsonObject,
  path: string,
  isResource: boolean,
  uncorrelated: string | undefined,
  base: Base,
): FieldError[] {
  const at = `${path}.x-kubernetes-validations`;
  const environment = base.environment.clone();
  const type = declareType(environment, schema, "self", isResource);
  if (type === undefined) {
    return [fieldError.internal(at, "failed to convert to declType for CEL validation rules")];
  }
  environment.registerVariable("self", type);
  const optional = environment.clone().registerVariable("oldSelf", `optional<${type}>`);
  const plain = environment.clone().registerVariable("oldSelf", type);
  return writtenRules(schema).flatMap((written, index) => {
    const isOptional = written["optionalOldSelf"] === true;
    const errors = ruleTypeErrors(isOptional ? optional : plain, written, `${at}[${index}]`);
    // As upstream, which knows what a rule uses only of one that compiles.
    const uses = errors.length === 0 && programOf(base.environment, String(written["rule"] ?? "")).uses("oldSelf");
    return [...oldSelfErrors(written, `${at}[${index}]`, uses ? uncorrelated : undefined, uses), ...errors];
  });
}

function oldSelfErrors(
  { rule, optionalOldSelf }: JsonObject,
  path: string,
  uncorrelated: string | undefined,
  uses: boolean,
): FieldError[] {
  if (String(rule ?? "").trim() === "") return [];
  if (uses) {
    if (uncorrelated === undefined) return [];
    const detail = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelated}`;
    return [fieldError.invalid(`${path}.rule`, rule, detail)];
  }
  if (optionalOldSelf === undefined) return [];
  const detail = "may not be set if oldSelf is not used in rule";
  return [fieldError.invalid(`${path}.optionalOldSelf`, optionalOldSelf, detail)];
}
