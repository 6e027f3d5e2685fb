import { type FieldError, fieldError } from "../field-error.ts";
import { isJsonObject } from "../json.ts";
import type { JsonObject } from "../object.ts";
import { additionalSchema, propertySchema, textOf } from "./schema-node.ts";

const extension = "x-kubernetes-validations";
const reasons = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

/** Checks the form of the rules of x-kubernetes-validations; their expressions (CEL) are not looked at. */
export function validationRuleErrors(schema: JsonObject, path: string): FieldError[] {
  const rules = schema[extension];
  if (!Array.isArray(rules)) return [];
  return rules.flatMap((rule, index) =>
    isJsonObject(rule) ? ruleErrors(rule, schema, `${path}.${extension}[${index}]`) : [],
  );
}

function ruleErrors(rule: JsonObject, schema: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const expression = textOf(rule["rule"]).trim();
  const message = textOf(rule["message"]);
  const trimmedMessage = message.trim();
  const messageExpression = textOf(rule["messageExpression"]);
  const { reason } = rule;
  const fieldPath = textOf(rule["fieldPath"]);
  if (expression === "") errors.push(fieldError.required(`${path}.rule`, "rule is not specified"));
  else if (message !== "" && trimmedMessage === "") {
    errors.push(fieldError.invalid(`${path}.message`, message, "must be non-empty if specified"));
  } else if (hasNewlines(trimmedMessage)) {
    errors.push(fieldError.invalid(`${path}.message`, message, "must not contain line breaks"));
  } else if (hasNewlines(expression) && trimmedMessage === "") {
    const detail = "message must be specified if rule contains line breaks";
    errors.push(fieldError.required(`${path}.message`, detail));
  }
  if (messageExpression !== "" && messageExpression.trim() === "") {
    const detail = "messageExpression must be non-empty if specified";
    errors.push(fieldError.required(`${path}.messageExpression`, detail));
  }
  if (reason !== undefined && reason !== null && !reasons.includes(textOf(reason))) {
    errors.push(fieldError.notSupported(`${path}.reason`, reason, reasons));
  }
  if (fieldPath === "") return errors;
  if (fieldPath.trim() === "") {
    errors.push(fieldError.invalid(`${path}.fieldPath`, fieldPath, "must be non-empty if specified"));
  }
  if (hasNewlines(fieldPath)) {
    errors.push(fieldError.invalid(`${path}.fieldPath`, fieldPath, "must not contain line breaks"));
  }
  if (!isFieldPath(fieldPath, schema)) {
    errors.push(fieldError.invalid(`${path}.fieldPath`, fieldPath, "must be a valid path"));
  }
  return errors;
}

function hasNewlines(text: string): boolean {
  return /[\n\r]/.test(text);
}

/** Whether a path such as ".spec.a['b']" leads through the schema's properties. */
function isFieldPath(path: string, schema: JsonObject): boolean {
  if (!/^(\.[A-Za-z_][A-Za-z0-9_]*|\['(?:[^'\\]|\\.)*'\])+$/.test(path)) return false;
  let node: JsonObject | undefined = schema;
  for (const match of path.matchAll(/\.([A-Za-z_][A-Za-z0-9_]*)|\['((?:[^'\\]|\\.)*)'\]/g)) {
    const name = match[1] ?? (match[2] ?? "").replace(/\\(.)/g, "$1");
    node = propertySchema(node, name) ?? additionalSchema(node);
    if (node === undefined) return false;
  }
  return true;
}
