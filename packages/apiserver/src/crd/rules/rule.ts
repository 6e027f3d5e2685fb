import {
  additionalSchema,
  type FieldError,
  fieldError,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  propertySchema,
  textOf,
} from "@podwright/kube";
import { outOfBudget } from "../../cel/budget.ts";
import type { Environment } from "../../cel/environment.ts";
import { limitExceeded } from "../../cel/metering.ts";
import { CompilationError, checkedType, EvaluationFailure, type Program, programOf } from "../../cel/program.ts";

/** One rule of x-kubernetes-validations, compiled. */
export interface Rule {
  program: Program;
  message: Program | undefined;
  messageExpression: string;
  usesOldSelf: boolean;
  optionalOldSelf: boolean;
  /** From where the rule stands to where its errors point: "spec.replicas". */
  fieldPath: string;
  reason: string;
  /** What it is called in errors: its message, or the rule itself. */
  text: string;
  defaultMessage: string;
}

/** The rules of one schema node, as they are written. */
export function writtenRules(schema: JsonObject): JsonObject[] {
  const rules = schema["x-kubernetes-validations"];
  return Array.isArray(rules) ? rules.filter(isJsonObject) : [];
}

/**
 * Compiles a rule to run without types: what the values are is looked at when it runs. Undefined for an empty one.
 * Throws a CompilationError.
 */
export function compileRule(environment: Environment, written: JsonObject, schema: JsonObject): Rule | undefined {
  const expression = textOf(written["rule"]);
  if (expression.trim() === "") return undefined;
  const program = programOf(environment, expression, true);
  const messageExpression = textOf(written["messageExpression"]);
  const message = textOf(written["message"]).trim();
  const text = message === "" ? expression.trim() : message;
  return {
    program,
    message: messageExpression === "" ? undefined : programOf(environment, messageExpression, true),
    messageExpression,
    usesOldSelf: program.uses("oldSelf"),
    optionalOldSelf: written["optionalOldSelf"] === true,
    fieldPath: fieldPathOf(textOf(written["fieldPath"]), schema),
    reason: textOf(written["reason"]),
    text,
    defaultMessage: message === "" ? `failed rule: ${text}` : message,
  };
}

/** ".a['b']" as paths of errors are written: "a.b", or "a[b]" where a is a map. */
function fieldPathOf(written: string, schema: JsonObject): string {
  let path = "";
  let node: JsonObject | undefined = schema;
  for (const [, plain, quoted] of written.matchAll(/\.([^.[]+)|\['((?:[^'\\]|\\.)*)'\]/g)) {
    const name = plain ?? (quoted ?? "").replace(/\\(.)/g, "$1");
    const property: JsonObject | undefined = node && propertySchema(node, name);
    path += property === undefined ? `[${name}]` : `.${name}`;
    node = property ?? (node && additionalSchema(node));
  }
  return path.replace(/^\./, "");
}

/** What is wrong with a rule's expressions where its types are known. */
export function ruleTypeErrors(environment: Environment, written: JsonObject, path: string): FieldError[] {
  const expression = textOf(written["rule"]);
  const messageExpression = textOf(written["messageExpression"]);
  if (expression.trim() === "") return [];
  const invalid = (field: string, detail: string): FieldError => ({
    ...fieldError.invalid(`${path}.${field}`, written as JsonValue, detail),
    shown: goValue(written),
  });
  const wrong = typeProblem(environment, expression, "bool", "cel expression must evaluate to a bool");
  if (wrong !== undefined) return [invalid("rule", wrong)];
  const errors: FieldError[] = [];
  const wrongMessage =
    messageExpression === ""
      ? undefined
      : typeProblem(environment, messageExpression, "string", "messageExpression must evaluate to a string");
  if (wrongMessage !== undefined) {
    const detail = wrongMessage.startsWith("compilation failed") ? `messageExpression ${wrongMessage}` : wrongMessage;
    errors.push(invalid("messageExpression", detail));
  }
  return errors;
}

/** A rule as upstream shows it: its internal type, which has no JSON names. */
function goValue(written: JsonObject): string {
  const rule = {
    Rule: textOf(written["rule"]),
    Message: textOf(written["message"]),
    MessageExpression: textOf(written["messageExpression"]),
    Reason: written["reason"] ?? null,
    FieldPath: textOf(written["fieldPath"]),
    OptionalOldSelf: written["optionalOldSelf"] ?? null,
  };
  return JSON.stringify(rule).replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
}

function typeProblem(environment: Environment, expression: string, type: string, otherwise: string) {
  try {
    const found = checkedType(environment, expression);
    return found === type || found === "dyn" ? undefined : otherwise;
  } catch (error) {
    if (error instanceof CompilationError) return error.message;
    throw error;
  }
}

/** What a rule says about a value. */
export interface Verdict {
  error?: FieldError;
  /** Whether the rule could not be looked at: that counts for what an update has not changed, too. */
  isFailure?: boolean;
  /** What is left of the budget; below zero no other rule is run. */
  budget: number;
}

/** @param budget what all rules of the object may cost from here */
export function applyRule(
  rule: Rule,
  variables: Record<string, unknown>,
  value: JsonValue,
  type: string,
  path: string,
  budget: number,
): Verdict {
  const { result, failure, cost } = attempt(rule.program, variables);
  if (cost > budget) return { error: fieldError.invalid(path, type, outOfBudget), isFailure: true, budget: -1 };
  if (failure !== undefined) {
    const error = fieldError.invalid(path, type, runtimeProblem(failure, rule.text));
    return { error, isFailure: true, budget: failure.startsWith(limitExceeded) ? -1 : budget - cost };
  }
  if (result === true) return { budget: budget - cost };
  const at = rule.fieldPath === "" ? path : path === rootPath ? rule.fieldPath : `${path}.${rule.fieldPath}`;
  const message = messageOf(rule, variables, budget - cost);
  if (message.problem !== undefined) return { error: fieldError.invalid(at, type, message.problem), budget: -1 };
  return { error: brokenRule(rule, message.text ?? rule.defaultMessage, value, type, at), budget: message.budget };
}

function attempt(program: Program, variables: Record<string, unknown>) {
  try {
    const result = program.evaluate(variables);
    return { result, failure: undefined, cost: program.cost };
  } catch (error) {
    if (!(error instanceof EvaluationFailure)) throw error;
    return { result: undefined, failure: error.reason, cost: program.cost };
  }
}

function brokenRule(rule: Rule, detail: string, value: JsonValue, type: string, at: string): FieldError {
  const omitted = type === "object" || type === "array";
  switch (rule.reason) {
    case "FieldValueForbidden":
      return fieldError.forbidden(at, detail);
    case "FieldValueRequired":
      return fieldError.required(at, detail);
    case "FieldValueDuplicate":
      return omitted ? fieldError.omitted("Duplicate", at, "") : fieldError.duplicate(at, value);
    default:
      return omitted ? fieldError.omitted("Invalid", at, detail) : fieldError.invalid(at, value, detail);
  }
}

/** What upstream calls the path of the whole object. */
export const rootPath = "<nil>";

function runtimeProblem(reason: string, rule: string): string {
  if (reason.startsWith("no such overload")) {
    return `'${reason}': call arguments did not match a supported operator, function or macro signature for rule: ${rule}`;
  }
  if (reason.startsWith("operation cancelled")) {
    return `'${reason}': no further validation rules will be run due to call cost exceeds limit for rule: ${rule}`;
  }
  return `${reason} evaluating rule: ${rule}`;
}

const maxMessageBytes = 5 * 1024;

interface Message {
  text?: string;
  /** What comes in the message's stead, when it costs too much. */
  problem?: string;
  budget: number;
}

/** The text of the message's expression, where there is one and it gives a text that will do. */
function messageOf({ message, messageExpression }: Rule, variables: Record<string, unknown>, budget: number): Message {
  if (message === undefined) return { budget };
  const { result, failure, cost } = attempt(message, variables);
  const stopped = "no further validation rules will be run";
  if (cost > budget) {
    return { budget, problem: `messageExpression evaluation failed due to running out of cost budget, ${stopped}` };
  }
  if (failure?.startsWith(limitExceeded)) {
    const which = `for messageExpression: ${JSON.stringify(messageExpression)}`;
    return { budget, problem: `${stopped} due to call cost exceeds limit ${which}` };
  }
  const left = { budget: budget - cost };
  if (typeof result !== "string") return left;
  const text = result.trim();
  const isFit = text !== "" && !text.includes("\n") && Buffer.byteLength(text) <= maxMessageBytes;
  return isFit ? { ...left, text } : left;
}
