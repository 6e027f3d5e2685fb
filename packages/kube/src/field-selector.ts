import { compareBytewise } from "./json.ts";
import { SelectorError } from "./label-requirement.ts";

/** One condition on one field. */
export interface FieldRequirement {
  /** e.g. "metadata.name" */
  field: string;
  operator: "=" | "!=";
  value: string;
}

/** Conditions on fields, all of which must hold (k8s.io/apimachinery/pkg/fields/selector.go). Immutable. */
export class FieldSelector {
  readonly requirements: readonly FieldRequirement[];

  constructor(requirements: readonly FieldRequirement[]) {
    this.requirements = requirements;
  }

  get matchesEverything(): boolean {
    return this.requirements.length === 0;
  }

  /** @param fields the object's selectable fields; an absent one is "". */
  matches(fields: Readonly<Record<string, string>>): boolean {
    return this.requirements.every(({ field, operator, value }) => {
      const actual = (Object.hasOwn(fields, field) ? fields[field] : undefined) ?? "";
      return (actual === value) === (operator === "=");
    });
  }

  /** The value the selector asks of a field, if it asks for exactly one. */
  exactValue(field: string): string | undefined {
    return this.requirements.find((requirement) => requirement.field === field && requirement.operator === "=")?.value;
  }

  /** The text that parses to this selector. */
  toString(): string {
    const format = ({ field, operator, value }: FieldRequirement) => `${field}${operator}${escapeFieldValue(value)}`;
    return this.requirements.map(format).join(",");
  }
}

/**
 * Parses the text of a fieldSelector parameter: "metadata.name=a,status.phase!=Running". Which fields a kind knows is
 * the kind's business.
 *
 * @throws {SelectorError}
 */
export function parseFieldSelector(text: string): FieldSelector {
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text).toSorted(compareBytewise)) {
    if (term === "") continue;
    const match = /^(.*?)(!=|==|=)(.*)$/s.exec(term);
    if (match === null) throw new SelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
    const [, field = "", operator, value = ""] = match;
    const unescaped = unescapeFieldValue(value);
    // A term without field and value asks for nothing.
    if (field === "" && unescaped === "") continue;
    requirements.push({ field, operator: operator === "!=" ? "!=" : "=", value: unescaped });
  }
  return new FieldSelector(requirements);
}

/** Escapes text for use as a value in a field selector. */
export function escapeFieldValue(value: string): string {
  return value.replace(/[\\,=]/g, "\\$&");
}

function unescapeFieldValue(value: string): string {
  return value.replace(/\\(.?)|[,=]/gsu, (found, escaped: string | undefined) => {
    if (escaped === undefined) {
      throw new SelectorError(`invalid field selector: unescaped character in value: ${found.codePointAt(0)}`);
    }
    if (escaped !== "\\" && escaped !== "," && escaped !== "=") {
      throw new SelectorError(`invalid field selector: invalid escape sequence: \\${escaped}`);
    }
    return escaped;
  });
}

/** The terms between commas that are not escaped. */
function splitTerms(text: string): string[] {
  return text.match(/(?:\\.|[^\\,]|\\$)+/gsu) ?? [];
}
