import { type FieldError, fieldError, type JsonObject, textOf } from "@podwright/kube";
import type { Environment } from "../../cel/environment.ts";
import { product, sum } from "../../cel/estimate/range.ts";
import { estimatedCost } from "../../cel/program.ts";
import { type DeclaredSize, maxCardinality, sizesBelow } from "./declared-size.ts";

/** What an expression may cost at most, and all of a version's schema (pkg/apis/apiextensions/validation/validation.go). */
const expressionLimit = 10_000_000;
const schemaLimit = 100_000_000;

/** Adds up what the rules of one schema can cost. */
export class RuleCosts {
  readonly #isAnyAllowed: boolean;
  #total = 0;
  #dearest: { path: string; cost: number }[] = [];

  /** @param isAnyAllowed whether one rule may cost what it will */
  constructor(isAnyAllowed: boolean) {
    this.#isAnyAllowed = isAnyAllowed;
  }

  /**
   * What is too dear in a rule whose types are right.
   *
   * @param path of the rule
   * @param cardinality how often what it is about can be in an object; undefined where no schema says
   */
  errorsOf(
    environment: Environment,
    written: JsonObject,
    path: string,
    size: DeclaredSize,
    cardinality: number | undefined,
  ): FieldError[] {
    const sizes = sizesBelow(size);
    const count = cardinality ?? maxCardinality(size);
    const errors: FieldError[] = [];
    const observe = (field: string, what: string, cost: number): void => {
      if (cost > expressionLimit && !this.#isAnyAllowed)
        errors.push(fieldError.forbidden(`${path}.${field}`, tooDear(what, cost, expressionLimit)));
      this.#observe(`${path}.${field}`, cost);
    };
    const rule = textOf(written["rule"]);
    const message = textOf(written["messageExpression"]);
    observe("rule", "estimated rule cost", product(estimatedCost(environment, rule, sizes), count));
    if (message !== "") {
      observe("messageExpression", "estimated messageExpression cost", estimatedCost(environment, message, sizes));
    }
    return errors;
  }

  #observe(path: string, cost: number): void {
    this.#total = sum(this.#total, cost);
    if (cost < schemaLimit / 100) return;
    this.#dearest = [...this.#dearest, { path, cost }].sort((a, b) => b.cost - a.cost).slice(0, 4);
  }

  /** What is wrong with all of them together. */
  totalErrors(path: string): FieldError[] {
    if (this.#total <= schemaLimit) return [];
    const part = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
    const whole = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
    return [
      ...this.#dearest.map((each) => fieldError.forbidden(each.path, part)),
      fieldError.forbidden(path, tooDear(whole, this.#total, schemaLimit)),
    ];
  }
}

function tooDear(what: string, cost: number, limit: number): string {
  const factor = cost / limit;
  const shown = factor > 100 ? "more than 100x" : `${factor.toFixed(factor < 1.5 ? 6 : 1)}x`;
  const advice = "adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared";
  return `${what} exceeds budget by factor of ${shown} (try simplifying the rule, or ${advice})`;
}
