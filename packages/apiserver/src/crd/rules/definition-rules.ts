import {
  additionalSchema,
  type FieldError,
  fieldError,
  itemsSchema,
  type JsonObject,
  propertySchemas,
} from "@podwright/kube";
import { createEnvironment, type Environment } from "../../cel/environment.ts";
import { product } from "../../cel/estimate/range.ts";
import { programOf } from "../../cel/program.ts";
import { declaredSize, maxElements } from "./declared-size.ts";
import { ruleTypeErrors, writtenRules } from "./rule.ts";
import { RuleCosts } from "./rule-costs.ts";
import { declareType, isEmbedded } from "./self-type.ts";

/**
 * What is wrong with the expressions in a definition's schema, which is structural
 * (pkg/apis/apiextensions/validation/validation.go).
 *
 * @param path of the schema
 * @param isUnchanged by an update: then the costs of each rule are not looked at, though those of all are
 */
export function definitionRuleErrors(schema: JsonObject, path: string, isUnchanged = false): FieldError[] {
  const costs = new RuleCosts(isUnchanged);
  const place: Place = { path, isResource: true, uncorrelated: undefined, cardinality: 1 };
  const errors = nodeErrors(schema, place, new Base(), costs);
  return [...errors, ...costs.totalErrors(path)];
}

interface Place {
  path: string;
  isResource: boolean;
  /** The path of a list whose items have no counterparts in the old object. */
  uncorrelated: string | undefined;
  /** How often what the schema describes can be in one object; undefined where no schema limits it. */
  cardinality: number | undefined;
}

/** An environment to begin with, made for the first rule. */
class Base {
  #environment: Environment | undefined;
  get environment(): Environment {
    this.#environment ??= createEnvironment();
    return this.#environment;
  }
}

function nodeErrors(schema: JsonObject, place: Place, base: Base, costs: RuleCosts): FieldError[] {
  const errors: FieldError[] = [];
  const { path, uncorrelated } = place;
  const elements = maxElements(schema);
  const cardinality =
    place.cardinality === undefined || elements === undefined ? undefined : product(place.cardinality, elements);
  const visit = (child: JsonObject, step: string, lost = uncorrelated): void => {
    const next = { path: `${path}.${step}`, isResource: isEmbedded(child), uncorrelated: lost, cardinality };
    errors.push(...nodeErrors(child, next, base, costs));
  };
  const additional = additionalSchema(schema);
  if (additional !== undefined) visit(additional, "additionalProperties");
  for (const [name, property] of propertySchemas(schema)) visit(property, `properties[${name}]`);
  const items = itemsSchema(schema);
  if (items !== undefined) {
    visit(items, "items", schema["x-kubernetes-list-type"] === "map" ? uncorrelated : (uncorrelated ?? path));
  }
  if (writtenRules(schema).length > 0) errors.push(...ownErrors(schema, place, base, costs));
  return errors;
}

function ownErrors(schema: JsonObject, place: Place, base: Base, costs: RuleCosts): FieldError[] {
  const at = `${place.path}.x-kubernetes-validations`;
  const environment = base.environment.clone();
  const type = declareType(environment, schema, "self", place.isResource);
  const size = declaredSize(schema, place.isResource);
  if (type === undefined || size === undefined) {
    return [fieldError.internal(at, "failed to convert to declType for CEL validation rules")];
  }
  environment.registerVariable("self", type);
  const optional = environment.clone().registerVariable("oldSelf", `optional<${type}>`);
  const plain = environment.clone().registerVariable("oldSelf", type);
  return writtenRules(schema).flatMap((written, index) => {
    const own = written["optionalOldSelf"] === true ? optional : plain;
    const path = `${at}[${index}]`;
    const errors = ruleTypeErrors(own, written, path);
    // As upstream, which knows what a rule uses, and costs, only of one that compiles.
    const compiles = errors.length === 0;
    const uses = compiles && programOf(base.environment, String(written["rule"] ?? "")).uses("oldSelf");
    const dear = compiles ? costs.errorsOf(own, written, path, size, place.cardinality) : [];
    return [...dear, ...oldSelfErrors(written, path, uses ? place.uncorrelated : undefined, uses), ...errors];
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
