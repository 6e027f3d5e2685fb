import { type FieldError, fieldError } from "./field-error.ts";
import { compareBytewise } from "./json.ts";
import {
  formatRequirement,
  type LabelOperator,
  type LabelRequirement,
  newRequirement,
  SelectorError,
  satisfiesRequirement,
} from "./label-requirement.ts";
import { parseRequirements } from "./label-selector-parser.ts";
import { isLabelValue, isQualifiedName } from "./names.ts";
import { quote } from "./quote.ts";

/** The LabelSelector of the API, as it is in a Deployment's or Service's spec. */
export interface LabelSelectorObject {
  matchLabels?: Record<string, string> | null | undefined;
  matchExpressions?: { key: string; operator: string; values?: string[] | null | undefined }[] | null | undefined;
}

/** Conditions on labels, all of which must hold (k8s.io/apimachinery/pkg/labels/selector.go). Immutable. */
export class LabelSelector {
  /** Sorted by key. */
  readonly requirements: readonly LabelRequirement[];
  readonly #nothing: boolean;

  /** @param nothing a selector that matches no labels at all, as an absent LabelSelector does. */
  constructor(requirements: readonly LabelRequirement[], nothing = false) {
    this.requirements = requirements.toSorted((a, b) => compareBytewise(a.key, b.key));
    this.#nothing = nothing;
  }

  /** Whether any labels match. */
  get matchesEverything(): boolean {
    return !this.#nothing && this.requirements.length === 0;
  }

  /** Whether no labels match, whatever they are. */
  get matchesNothing(): boolean {
    return this.#nothing;
  }

  matches(labels: Readonly<Record<string, string>> | null | undefined): boolean {
    if (this.#nothing) return false;
    for (const requirement of this.requirements) {
      const value = labels != null && Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
      if (!satisfiesRequirement(requirement, value)) return false;
    }
    return true;
  }

  /** The text that parses to this selector: "app=web,tier in (a,b),!old". */
  toString(): string {
    return this.requirements.map(formatRequirement).join(",");
  }
}

/**
 * Parses the text of a labelSelector parameter: "app=web,tier in (a,b),!old,size>3".
 * @throws {SelectorError}
 */
export function parseLabelSelector(text: string): LabelSelector {
  return new LabelSelector(parseRequirements(text));
}

/**
 * The selector a LabelSelector object means. An absent one matches nothing, an empty one everything.
 * @throws {SelectorError}
 */
export function labelSelectorFromObject(object: LabelSelectorObject | null | undefined): LabelSelector {
  if (object === null || object === undefined) return new LabelSelector([], true);
  const requirements: LabelRequirement[] = [];
  for (const [key, value] of Object.entries(object.matchLabels ?? {})) {
    requirements.push(newRequirement(key, "=", [value]));
  }
  for (const { key, operator, values } of object.matchExpressions ?? []) {
    const known = objectOperators[operator];
    if (known === undefined) throw new SelectorError(`${quote(operator)} is not a valid label selector operator`);
    requirements.push(newRequirement(key, known, [...(values ?? [])]));
  }
  return new LabelSelector(requirements);
}

/** The selector for a plain set of labels, as a Service or ReplicationController has; an empty one matches everything. */
export function labelSelectorFromSet(labels: Readonly<Record<string, string>> | null | undefined): LabelSelector {
  const requirement = ([key, value]: [string, string]): LabelRequirement => ({ key, operator: "=", values: [value] });
  return new LabelSelector(Object.entries(labels ?? {}).map(requirement));
}

/** A LabelSelector object as tables show it: "<none>" when it matches everything or nothing, "<error>" when it is wrong. */
export function formatLabelSelector(object: LabelSelectorObject | null | undefined): string {
  try {
    return labelSelectorFromObject(object).toString() || "<none>";
  } catch (error) {
    if (error instanceof SelectorError) return "<error>";
    throw error;
  }
}

const objectOperators: Readonly<Record<string, LabelOperator>> = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
};

/** What validateLabelSelector lets pass. */
export interface LabelSelectorValidation {
  /** Values that are no label values: only where an older object has them already. */
  allowInvalidValues?: boolean;
  /** Operators unknown here, as access reviews may have. */
  allowUnknownOperators?: boolean;
}

/** Checks a LabelSelector object of a spec (pkg/apis/meta/v1/validation/validation.go). */
export function validateLabelSelector(
  object: LabelSelectorObject | null | undefined,
  path: string,
  options: LabelSelectorValidation = {},
): FieldError[] {
  const errors = validateLabels(object?.matchLabels, `${path}.matchLabels`);
  (object?.matchExpressions ?? []).forEach((expression, index) => {
    const at = `${path}.matchExpressions[${index}]`;
    const values = expression.values ?? [];
    if (expression.operator === "In" || expression.operator === "NotIn") {
      if (values.length === 0) {
        errors.push(fieldError.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      }
    } else if (expression.operator === "Exists" || expression.operator === "DoesNotExist") {
      if (values.length > 0) {
        const detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
        errors.push(fieldError.forbidden(`${at}.values`, detail));
      }
    } else if (options.allowUnknownOperators !== true) {
      errors.push(fieldError.invalid(`${at}.operator`, expression.operator, "not a valid selector operator"));
    }
    errors.push(...validateLabelName(expression.key, `${at}.key`));
    if (options.allowInvalidValues === true) return;
    values.forEach((value, valueIndex) => {
      for (const wrong of isLabelValue(value))
        errors.push(fieldError.invalid(`${at}.values[${valueIndex}]`, value, wrong));
    });
  });
  return errors;
}

/** Checks the labels of an object; errors are at the map's path, as upstream has them. */
export function validateLabels(labels: Record<string, string> | null | undefined, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(labels ?? {})) {
    errors.push(...validateLabelName(key, path));
    for (const wrong of isLabelValue(value)) errors.push(fieldError.invalid(path, value, wrong));
  }
  return errors;
}

/** Checks one label key. */
export function validateLabelName(key: string, path: string): FieldError[] {
  return isQualifiedName(key).map((wrong) => fieldError.invalid(path, key, wrong));
}
