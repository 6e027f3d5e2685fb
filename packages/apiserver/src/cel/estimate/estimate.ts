import { listCost, mapCost, stringFactor } from "../call-cost.ts";
import { estimateCall, type Sizes } from "./call-estimate.ts";
import type { Call, Expression, Loop, Type } from "./expression.ts";
import { add, fixed, most, product, type Range, scaled, sum, union, unknownSize } from "./range.ts";

/**
 * How large what a path leads to can be: the path begins with a variable and goes on with fields, "@items", "@values"
 * and "@keys". Undefined where nothing is known.
 */
export type SizeOfPath = (path: readonly string[]) => number | undefined;

/**
 * What an expression costs at most (cel-go's checker/cost.go). Where upstream does not see a path's beginning, nor does
 * this: what it takes for the root's size is taken here, too.
 */
export function estimateCost(expression: Expression, sizeOfPath: SizeOfPath): number {
  return new Estimator(sizeOfPath).cost(expression);
}

/** How large the keys and values of a list or map are. */
interface Entries {
  isList: boolean;
  key: Range;
  value: Range;
}

interface Local {
  path: readonly string[];
  size: Range | undefined;
  entries: Entries | undefined;
}

class Estimator {
  readonly #sizeOfPath: SizeOfPath;
  readonly #paths = new Map<Expression, readonly string[]>();
  readonly #sizes = new Map<Expression, Range>();
  readonly #entries = new Map<Expression, Entries>();
  readonly #locals = new Map<string, Local[]>();
  readonly #ofCalls: Sizes = {
    of: (expression) => this.#size(expression) ?? unknownSize,
    ofItems: (list) => this.#itemSize(list),
  };

  constructor(sizeOfPath: SizeOfPath) {
    this.#sizeOfPath = sizeOfPath;
  }

  cost(expression: Expression): number {
    switch (expression.is) {
      case "literal":
        return 0;
      case "ident":
        this.#paths.set(expression, this.#local(expression.name)?.path ?? [expression.name]);
        return 1;
      case "select": {
        const { operand, field, isTest } = expression;
        const before = this.cost(operand);
        if (isTest) return before;
        this.#paths.set(expression, [...this.#path(operand), field]);
        return operand.type.kind === "map" || operand.type.kind === "message" ? sum(before, 1) : before;
      }
      case "list":
        return this.#listCost(expression, expression.items);
      case "map":
        return this.#mapCost(expression, expression.entries);
      case "call":
        return this.#callCost(expression);
      case "loop":
        return expression.isBind ? this.#bindCost(expression) : this.#loopCost(expression);
    }
  }

  #listCost(list: Expression, items: readonly Expression[]): number {
    const cost = sum(listCost, ...items.map((item) => this.cost(item)));
    this.#entries.set(list, { isList: true, key: fixed(1), value: this.#sizeOfAny(items) });
    return cost;
  }

  #mapCost(map: Expression, entries: readonly (readonly [Expression, Expression])[]): number {
    const cost = sum(mapCost, ...entries.flat().map((each) => this.cost(each)));
    const key = this.#sizeOfAny(entries.map(([each]) => each));
    this.#entries.set(map, { isList: false, key, value: this.#sizeOfAny(entries.map(([, each]) => each)) });
    return cost;
  }

  #sizeOfAny(expressions: readonly Expression[]): Range {
    const nothing = { min: expressions.length === 0 ? 0 : most, max: 0 };
    return expressions.reduce((range, each) => union(range, this.#ofCalls.of(each)), nothing);
  }

  #loopCost(loop: Loop): number {
    const { range, init, condition, step, result } = loop;
    const before = sum(this.cost(range), this.cost(init));
    this.#declare(loop.accumulator, init);
    const variables = this.#declareVariables(loop);
    const turn = sum(this.cost(condition), this.cost(step));
    for (const name of variables) this.#locals.get(name)?.pop();
    const after = this.cost(result);
    this.#locals.get(loop.accumulator)?.pop();
    const turns = this.#ofCalls.of(range);
    if (init.is === "literal") this.#setSize(loop, this.#size(init));
    else {
      this.#sizes.set(loop, turns);
      this.#setEntries(loop, this.#entriesOf(step));
    }
    return sum(before, after, product(turns.max, turn));
  }

  #declareVariables({ range, variable, second }: Loop): string[] {
    const entries = this.#entriesOf(range);
    const isList = entries?.isList ?? range.type.kind === "list";
    const declare = (name: string, part: string, size: Range | undefined): void =>
      this.#push(name, { path: [...this.#path(range), part], size, entries: undefined });
    const value = isList ? "@items" : "@values";
    const key = isList ? "@indices" : "@keys";
    if (second === undefined) declare(variable, isList ? value : key, isList ? entries?.value : entries?.key);
    else {
      declare(variable, key, entries?.key);
      declare(second, value, entries?.value);
    }
    return second === undefined ? [variable] : [variable, second];
  }

  #bindCost(loop: Loop): number {
    const before = sum(this.cost(loop.range), this.cost(loop.init));
    this.#declare(loop.accumulator, loop.init);
    const after = this.cost(loop.result);
    this.#locals.get(loop.accumulator)?.pop();
    this.#setSize(loop, this.#size(loop.result));
    this.#setEntries(loop, this.#entriesOf(loop.result));
    return sum(before, after);
  }

  #callCost(call: Call): number {
    const { name, target, args } = call;
    if (name === "dyn" && args[0] !== undefined) {
      const cost = sum(1, this.cost(args[0]));
      this.#setSize(call, this.#size(args[0]));
      this.#setEntries(call, this.#entriesOf(args[0]));
      return cost;
    }
    const costs = args.map((arg) => this.cost(arg));
    const before = target === undefined ? 0 : this.cost(target);
    if (name === "?:") return this.#conditionalCost(call, costs);
    if (name === "&&" || name === "||") return sum(...costs);
    if (name === "[]") return sum(...costs, this.#indexCost(call));
    const own = operators.has(name) ? this.#operatorCost(call) : estimateCall(name, target, args, this.#ofCalls);
    this.#setSize(call, own.size ?? this.#size(call));
    return sum(before, ...costs, own.cost);
  }

  #conditionalCost(call: Call, [condition = 0, yes = 0, no = 0]: readonly number[]): number {
    const [, whenTrue, whenFalse] = call.args as [Expression, Expression, Expression];
    this.#sizes.set(call, union(this.#ofCalls.of(whenTrue), this.#ofCalls.of(whenFalse)));
    this.#setEntries(call, this.#unitedEntries(whenTrue, whenFalse));
    return sum(condition, Math.max(yes, no));
  }

  #indexCost(call: Call): number {
    const [container] = call.args as [Expression];
    const { kind } = container.type;
    if (kind === "list" || kind === "map") {
      this.#setSize(call, this.#entriesOf(container)?.value);
      this.#paths.set(call, [...this.#path(container), kind === "list" ? "@items" : "@values"]);
      this.#setSize(call, this.#size(call));
    }
    return 1;
  }

  #operatorCost(call: Call): { cost: number; size?: Range } {
    const { name, args } = call;
    if (name === "!" || args.length < 2) return { cost: 1 };
    const [left, right] = args as [Expression, Expression];
    const [a, b] = [this.#ofCalls.of(left), this.#ofCalls.of(right)];
    const isText = mayBeText(left.type) && mayBeText(right.type);
    switch (name) {
      case "==":
      case "!=": {
        const special = name === "==" ? specialEquality(left.type, right.type) : undefined;
        return { cost: special ?? scaled(Math.min(a.max, b.max), stringFactor) };
      }
      case "<":
      case "<=":
      case ">":
      case ">=":
        return { cost: isText ? orOne(scaled(Math.min(a.max, b.max), stringFactor), left, right) : 1 };
      case "in":
        return { cost: right.type.kind === "list" || right.type.kind === "dyn" ? b.max : 1 };
      case "+": {
        const size = add(a, b);
        if (isText || left.type.kind === "list") this.#setEntries(call, this.#unitedEntries(left, right));
        if (isText) return { cost: orOne(scaled(size.max, stringFactor), left, right), size };
        return left.type.kind === "list" ? { cost: 1, size } : { cost: 1 };
      }
      default:
        return { cost: 1 };
    }
  }

  #itemSize(list: Expression): Range {
    const path = this.#path(list);
    if (path.length === 0 || path[0] === "@result") return unknownSize;
    const size = this.#sizeOfPath([...path, "@items"]);
    return size === undefined ? unknownSize : { min: 0, max: size };
  }

  #size(expression: Expression): Range | undefined {
    const known = this.#sizes.get(expression) ?? writtenSize(expression);
    if (known !== undefined) return known;
    const path = this.#path(expression);
    const size = path.length === 0 ? undefined : this.#sizeOfPath(path);
    if (size !== undefined) {
      const range = { min: 0, max: size };
      this.#sizes.set(expression, range);
      return range;
    }
    if (isScalar(expression.type)) return fixed(1);
    return expression.is === "ident" ? this.#local(expression.name)?.size : undefined;
  }

  #setSize(expression: Expression, size: Range | undefined): void {
    if (size !== undefined) this.#sizes.set(expression, size);
  }

  #entriesOf(expression: Expression): Entries | undefined {
    const known = this.#entries.get(expression);
    return known ?? (expression.is === "ident" ? this.#local(expression.name)?.entries : undefined);
  }

  #setEntries(expression: Expression, entries: Entries | undefined): void {
    if (entries !== undefined) this.#entries.set(expression, entries);
  }

  #unitedEntries(a: Expression, b: Expression): Entries | undefined {
    const [x, y] = [this.#entriesOf(a), this.#entriesOf(b)];
    return x && y && { isList: x.isList, key: union(x.key, y.key), value: union(x.value, y.value) };
  }

  #path(expression: Expression): readonly string[] {
    const local = expression.is === "ident" ? this.#local(expression.name) : undefined;
    return local?.path ?? this.#paths.get(expression) ?? [];
  }

  #declare(name: string, value: Expression): void {
    this.#push(name, { path: this.#path(value), size: this.#size(value), entries: this.#entriesOf(value) });
  }

  #push(name: string, local: Local): void {
    this.#locals.set(name, [...(this.#locals.get(name) ?? []), local]);
  }

  #local(name: string): Local | undefined {
    return this.#locals.get(name)?.at(-1);
  }
}

const operators: ReadonlySet<string> = new Set("== != < <= > >= in + - * / % !".split(" "));

function mayBeText({ kind }: Type): boolean {
  return kind === "string" || kind === "bytes" || kind === "dyn";
}

/** Of two values of any type there are overloads for what is no text: they cost one. */
function orOne(cost: number, left: Expression, right: Expression): number {
  return left.type.kind === "dyn" && right.type.kind === "dyn" ? Math.max(1, cost) : cost;
}

/** Kubernetes' own types are compared at a fixed cost. */
function specialEquality(left: Type, right: Type): number | undefined {
  if (left.name === undefined || left.name !== right.name) return undefined;
  if (left.name === "kubernetes.NamedFormat") return Math.ceil(64 * stringFactor);
  return /^(net|kubernetes)\./.test(left.name) ? 1 : undefined;
}

function writtenSize(expression: Expression): Range | undefined {
  if (expression.is === "list") return fixed(expression.items.length);
  if (expression.is === "map") return fixed(expression.entries.length);
  if (expression.is !== "literal") return undefined;
  const { value } = expression;
  if (typeof value === "string") return fixed([...value].length);
  return fixed(value instanceof Uint8Array ? value.length : 1);
}

function isScalar({ kind, name, valueType }: Type): boolean {
  // Of what this server knows less than upstream, what it costs is not guessed: nothing may be refused for that.
  if (kind === "dyn") return true;
  if (kind === "optional") return valueType !== undefined && isScalar(valueType);
  return scalars.has(kind) || scalars.has(name ?? "");
}

const scalars: ReadonlySet<string> = new Set([
  "bool",
  "double",
  "int",
  "uint",
  "google.protobuf.Duration",
  "google.protobuf.Timestamp",
]);
