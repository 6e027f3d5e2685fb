import { callCost, listCost, mapCost, operatorCost } from "./call-cost.ts";

/** What an evaluation has cost so far, in cel-go's units, and may cost. */
export interface Meter {
  cost: number;
  limit: number;
}

/** Throws when the limit is passed. */
export function spend(meter: Meter, cost: number): void {
  meter.cost += cost;
  if (meter.cost > meter.limit) throw new Error(limitExceeded);
}

export const limitExceeded = "operation cancelled: actual cost limit exceeded";

type Charge = (cost: number) => void;
type Evaluate = (evaluator: Evaluator, node: Node, context: unknown) => unknown;

interface Evaluator {
  run(node: Node, context: unknown): unknown;
}

/** A node of the package's syntax tree, as far as metering needs it. */
export interface Node {
  op: string;
  args: unknown;
  evaluate: Evaluate;
  readonly meta: { alternate?: Node; macro?: Macro; evaluate: Evaluate };
  checkedType?: { kind: string };
  /** What does the operation, once the types are checked; the order of its arguments is the package's. */
  handle: (...args: unknown[]) => unknown;
  receiverWithArgs?: Node[];
}

interface Macro {
  evaluate: Evaluate;
  /** Of this server's own macros (macros.ts): they tell what they cost. */
  charge?: (cost: number) => void;
}

/**
 * Makes a syntax tree count what its evaluation costs, as cel-go does (interpreter/runtimecost.go). The tree is changed.
 *
 * @param isTyped whether the operands' types are known when upstream compiles the expression, though not here: what has
 *   an overload for texts costs more than what is chosen when it runs
 */
export function meterTree(root: Node, meter: Meter, isTyped: boolean): void {
  const charge = (cost: number): void => spend(meter, cost);
  const visit = (value: unknown, seen: Set<unknown>): void => {
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    if (isNode(value)) {
      const { alternate, macro } = value.meta;
      if (macro?.charge !== undefined) macro.charge = charge;
      if (value.op === "?:") for (const branch of (value.args as Node[]).slice(1)) unwatched.add(branch);
      if (alternate === undefined) meterNode(value, charge, isTyped, unwatched);
      visit(alternate, seen);
      visit(macro, seen);
      visit(value.args, seen);
    } else for (const child of Array.isArray(value) ? value : Object.values(value)) visit(child, seen);
  };
  // The branches of ?: are looked up without the step that counts what a variable costs.
  const unwatched = new Set<Node>();
  visit(root, new Set());
}

function isNode(value: object): value is Node {
  return "op" in value && "meta" in value && typeof (value as Node).evaluate === "function";
}

function meterNode(node: Node, charge: Charge, isTyped: boolean, unwatched: ReadonlySet<Node>): void {
  if (isConstant(node)) return;
  if (node.op === "comprehension") meterLoop(node.args as Loop, charge);
  else if (operators.has(node.op)) meterOperator(node, charge, isTyped);
  else if (node.op === "call" || node.op === "rcall") {
    // What macros cost they tell themselves, or their parts do.
    if (node.meta.macro === undefined) meterCall(node, charge);
  } else {
    const cost = costWhenDone(node, unwatched.has(node) ? 1 : 0);
    if (cost === undefined) return;
    let own: Evaluate | undefined;
    node.evaluate = (evaluator, _node, context) => {
      own ??= ownEvaluate(node);
      const result = own(evaluator, node, context);
      charge(cost(result));
      return result;
    };
  }
}

/** @param saved of what a variable or field costs */
function costWhenDone(node: Node, saved: number): ((result: unknown) => number) | undefined {
  switch (node.op) {
    case "id":
      // What names a constant, like `sets`, is put in when types are checked.
      return () => (node.meta.alternate === undefined ? 1 - saved : 0);
    case ".":
      return () => (isTypeName(node) ? 0 : accessCost(node, 1) - saved);
    case "[]":
      return () => accessCost(node, indexCost(node)) - saved;
    case ".?":
    case "[?]": {
      const found = node.op === ".?" ? 1 : indexCost(node);
      return (result) => accessCost(node, isPresent(result) ? found : 0) - saved;
    }
    case "list":
      return () => listCost;
    case "map":
      return () => mapCost;
    case "!_":
    case "-_":
      return () => 1;
    case "accuInc":
      return () => 2;
    case "accuPush":
      return () => (isConstant(node.args as Node) ? 2 : 2 + listCost);
    default:
      return undefined;
  }
}

const operators: ReadonlySet<string> = new Set(["==", "!=", "in", "+", "-", "*", "/", "%", "<", "<=", ">", ">="]);

/** What the package does for a node: known only when types have been checked. */
function ownEvaluate({ meta }: Node): Evaluate {
  const { alternate, macro } = meta;
  if (alternate !== undefined) return (evaluator, _node, context) => alternate.evaluate(evaluator, alternate, context);
  if (macro !== undefined) return (evaluator, _node, context) => macro.evaluate(evaluator, macro as never, context);
  return meta.evaluate;
}

function meterOperator(node: Node, charge: Charge, isTyped: boolean): void {
  const [left, right] = node.args as [Node, Node];
  if (node.op === "in" && right.op === "list" && isConstant(right)) {
    // A list that is written out has become a set before the expression runs.
    if ((right.args as Node[]).length === 0) node.evaluate = () => false;
    return;
  }
  node.evaluate = (evaluator, _node, context) => {
    const [a, b] = operands([left, right], evaluator, context, charge);
    const isOverloaded = !isTyped && (node.op === "in" ? isDynamic(right) : isDynamic(left) && isDynamic(right));
    const isEquality = node.op === "==" || node.op === "!=";
    const cost = () => (isOverloaded && !isEquality ? 1 : operatorCost(node.op, a, b));
    return done(() => node.handle(a, b, node, evaluator), charge, cost);
  };
}

function isDynamic({ checkedType }: Node): boolean {
  return checkedType === undefined || checkedType.kind === "dyn";
}

function meterCall(node: Node, charge: Charge): void {
  const [name, ...rest] = node.args as [string, ...unknown[]];
  if (node.op === "call") {
    const given = rest[0] as Node[];
    node.evaluate = (evaluator, _node, context) => {
      const args = operands(given, evaluator, context, charge);
      return done(
        () => node.handle(args, node, evaluator),
        charge,
        (result) => callCost(name, args, result),
      );
    };
    return;
  }
  const receiver = rest[0] as Node;
  node.evaluate = (evaluator, _node, context) => {
    const args = operands(node.receiverWithArgs as Node[], evaluator, context, charge);
    const isNamespace = receiver.meta.alternate !== undefined && receiver.op === "id";
    const called = isNamespace ? `${receiver.args}.${name}` : name;
    const counted = isNamespace ? args.slice(1) : args;
    return done(
      () => node.handle(args, evaluator, node),
      charge,
      (result) => callCost(called, counted, result),
    );
  };
}

/** What the nodes give. An operation on what has failed costs something too, and the other operands are looked at. */
function operands(nodes: readonly Node[], evaluator: Evaluator, context: unknown, charge: Charge): unknown[] {
  let failure: { error: unknown } | undefined;
  const values = nodes.map((node) => {
    try {
      return evaluator.run(node, context);
    } catch (error) {
      failure ??= { error };
      return undefined;
    }
  });
  if (failure === undefined) return values;
  charge(1);
  throw failure.error;
}

/** What an operation gives; it costs the same when it fails. */
function done<T>(operation: () => T, charge: Charge, cost: (result: T | undefined) => number): T {
  let result: T | undefined;
  try {
    result = operation();
    return result;
  } finally {
    charge(cost(result));
  }
}

interface Loop {
  init: Node;
  kind?: "quantifier";
  errorsAreFatal?: boolean;
  condition?: (accumulated: unknown) => boolean;
  result: (accumulated: unknown) => unknown;
}

/** What cel-go's macros do in each turn besides what is written: read what has been found so far, and combine it. */
function meterLoop(loop: Loop, charge: Charge): void {
  const { condition, result } = loop;
  const isQuantifier = loop.kind === "quantifier" && loop.errorsAreFatal !== true;
  if (isQuantifier && condition !== undefined) {
    const goesOnCost = loop.init.args === true ? 2 : 3;
    loop.condition = (accumulated) => {
      charge(goesOnCost);
      const goesOn = condition(accumulated);
      if (goesOn) charge(1);
      return goesOn;
    };
  }
  loop.result = (accumulated) => {
    charge(loop.kind === "quantifier" && !isQuantifier ? 2 : 1);
    return result(accumulated);
  };
}

/** `net.IP`: what has a constant's name before its dot. Known only when types have been checked. */
export function isTypeName({ args, op }: Node): boolean {
  if (op !== ".") return false;
  const [operand] = args as [Node];
  return operand.op === "id" && operand.meta.alternate !== undefined;
}

/** A field or element: what it is taken from costs one more where it is no variable's. */
function accessCost(node: Node, cost: number): number {
  const [operand] = node.args as [Node];
  return isAttribute(operand) ? cost : cost + 1;
}

/** An index that is itself a variable's field has been counted when it was looked up. */
function indexCost(node: Node): number {
  const [, index] = node.args as [Node, Node];
  return isAttribute(index) ? 0 : 1;
}

function isAttribute(node: Node): boolean {
  return attributes.has(node.op) && node.meta.alternate === undefined;
}

const attributes: ReadonlySet<string> = new Set(["id", ".", "[]", ".?", "[?]", "?:"]);

/** What has a value before the expression runs, and costs nothing. */
export function isConstant(node: Node): boolean {
  switch (node.op) {
    case "value":
      return true;
    case "-_":
      return (node.args as Node).op === "value";
    case "list":
      return (node.args as Node[]).every(isConstant);
    case "map":
      return (node.args as [Node, Node][]).every((entry) => entry.every(isConstant));
    case "call": {
      const [name, args] = node.args as [string, Node[]];
      return conversions.has(name) && args.length === 1 && args.every(isConstant);
    }
    default:
      return false;
  }
}

const conversions: ReadonlySet<string> = new Set(
  "bool bytes double duration dyn int string timestamp type uint".split(" "),
);

function isPresent(optional: unknown): boolean {
  return (optional as { hasValue?: () => boolean } | null)?.hasValue?.() === true;
}
