import type { Node } from "./metering.ts";

/** The package's own, as far as has() needs it. */
interface Checker {
  check(node: Node, scope: unknown): Type;
  checkAccessOnType(node: Node, scope: unknown, type: Type): Type;
  getType(name: string): Type;
}

interface Type {
  kind: string;
  fieldLazy(value: unknown, name: string, node: Node, evaluator: Evaluator): unknown;
}

interface Evaluator {
  run(node: Node, scope: unknown): unknown;
  debugType(value: unknown): Type;
}

/**
 * Makes has() take a field of anything, as cel-go does, and refuse one that its type has not: the package wants a
 * variable's field, and does not look at types. What it costs is what the field is taken from costs.
 *
 * @param nullIsAbsent as upstream has it for objects that have a schema
 */
export function widenHas(call: Node, nullIsAbsent: boolean): void {
  const { macro } = call.meta;
  const field = (call.args as [string, Node[]])[1][0];
  if (macro === undefined || field === undefined || field.op !== ".") return;
  const [operand, name] = field.args as [Node, string];
  // Of optionals the package knows more.
  if (isOptional(operand)) return;
  Object.assign(macro, {
    typeCheck(checker: Checker, _macro: unknown, scope: unknown): Type {
      const type = checker.check(operand, scope);
      if (type.kind !== "dyn") checker.checkAccessOnType(field, scope, type);
      return checker.getType("bool");
    },
    evaluate(evaluator: Evaluator, _macro: unknown, scope: unknown): boolean {
      const value = evaluator.run(operand, scope);
      const found = evaluator.debugType(value).fieldLazy(value, name, field, evaluator);
      return found !== undefined && !(nullIsAbsent && found === null);
    },
  });
}

function isOptional(node: Node): boolean {
  if (node.op === ".?" || node.op === "[?]") return true;
  return (node.op === "." || node.op === "[]") && isOptional((node.args as [Node])[0]);
}
