import { comparedToItself, listCost } from "./call-cost.ts";
import type { Environment } from "./environment.ts";
import { sortedBy } from "./list-library.ts";
import { isConstant, type Node } from "./metering.ts";
import { optionalOf, optionalValue } from "./optional-value.ts";

/** The package's own, as far as macros need it. */
interface Checker {
  check(node: Node, scope: Scope): Type;
  getType(name: string): Type;
  registry: {
    getListType(of: Type): Type;
    getMapType(key: Type, value: Type): Type;
    getOptionalType(of: Type): Type;
  };
}

interface Type {
  kind: string;
  keyType: Type;
  valueType: Type;
}

/** Where variables are. */
interface Scope {
  forkWithVariable(name: string, type: Type): Scope;
  reuse(parent: Scope): Scope;
  setIterValue(value: unknown, evaluator: Evaluator): Scope;
}

interface Evaluator {
  run(node: Node, scope: Scope): unknown;
}

interface Expansion {
  args: Node[];
  receiver: Node;
}

/** The names of variables, and scopes for them: made when types are checked. */
class Variables {
  readonly names: readonly string[];
  #scopes: Scope[] = [];
  constructor(nodes: readonly Node[]) {
    this.names = nodes.map((node) => {
      if (node.op !== "id") throw new Error("argument is not an identifier");
      return String(node.args);
    });
  }
  declare(scope: Scope, types: readonly Type[]): Scope {
    this.#scopes = [];
    let inner = scope;
    for (const [index, name] of this.names.entries()) {
      inner = inner.forkWithVariable(name, types[index] as Type);
      this.#scopes.push(inner);
    }
    return inner;
  }
  bind(scope: Scope, values: readonly unknown[], evaluator: Evaluator): Scope {
    let inner = scope;
    for (const [index, own] of this.#scopes.entries()) {
      inner = own.reuse(inner).setIterValue(values[index], evaluator);
    }
    return inner;
  }
}

/** What a macro is made of. What it costs besides what its parts do is told to `charge`. */
interface MacroParts {
  /** All that is written in the call, for who looks through the syntax tree. */
  nodes: Node[];
  charge: (cost: number) => void;
  async: false;
  typeCheck(checker: Checker, macro: MacroParts, scope: Scope): Type;
  evaluate(evaluator: Evaluator, macro: MacroParts, scope: Scope): unknown;
}

type Parts = Pick<MacroParts, "typeCheck" | "evaluate">;

/**
 * The macros of cel-go's ext/comprehensions.go, sortBy of ext/lists.go, optMap and optFlatMap: this server's package has
 * those of one variable only.
 */
export function registerMacros(environment: Environment): Environment {
  const register = (signature: string, parts: (expansion: Expansion) => Parts): void => {
    const expand = (expansion: Expansion): MacroParts => ({
      ...parts(expansion),
      nodes: [expansion.receiver, ...expansion.args],
      charge: () => {},
      async: false,
    });
    environment.registerFunction(signature, expand as never);
  };
  register("list.all(ast, ast, ast): bool", (expansion) => quantifier(expansion, "all"));
  register("list.exists(ast, ast, ast): bool", (expansion) => quantifier(expansion, "exists"));
  register("list.existsOne(ast, ast, ast): bool", existsOne);
  register("list.exists_one(ast, ast, ast): bool", existsOne);
  for (const filter of ["", "ast, "]) {
    register(`list.transformList(ast, ast, ${filter}ast): list<dyn>`, transformList);
    register(`list.transformMap(ast, ast, ${filter}ast): map<dyn, dyn>`, (expansion) => transformMap(expansion, false));
    register(`list.transformMapEntry(ast, ast, ${filter}ast): map<dyn, dyn>`, (expansion) =>
      transformMap(expansion, true),
    );
  }
  register("list.sortBy(ast, ast): list<dyn>", sortBy);
  register("optional.optMap(ast, ast): optional<dyn>", (expansion) => optionalMap(expansion, false));
  register("optional.optFlatMap(ast, ast): optional<dyn>", (expansion) => optionalMap(expansion, true));
  return environment;
}

/** What the two variables of a loop over this type are. */
function pairTypes(checker: Checker, range: Type): [Type, Type] {
  if (range.kind === "list") return [checker.getType("int"), range.valueType];
  return range.kind === "map" ? [range.keyType, range.valueType] : [checker.getType("dyn"), checker.getType("dyn")];
}

function pairs(range: unknown): [unknown, unknown][] {
  if (Array.isArray(range)) return range.map((value, index) => [BigInt(index), value]);
  if (range instanceof Map) return [...range];
  if (typeof range === "object" && range !== null) return Object.entries(range);
  throw new Error("unsupported comprehension range type");
}

function isTrue(value: unknown): boolean {
  if (typeof value !== "boolean") throw new Error("no such overload");
  return value;
}

/** A loop over what the receiver holds, with names for keys and values, and an optional filter. */
function loop({ receiver, args }: Expansion) {
  const variables = new Variables(args.slice(0, 2));
  const filter = args.length === 4 ? args[2] : undefined;
  const body = args.at(-1) as Node;
  return {
    body,
    check(checker: Checker, scope: Scope): { range: [Type, Type]; result: Type } {
      const range = pairTypes(checker, checker.check(receiver, scope));
      const inner = variables.declare(scope, range);
      if (filter !== undefined) checker.check(filter, inner);
      return { range, result: checker.check(body, inner) };
    },
    /** @param turn gives true to stop */
    run(evaluator: Evaluator, scope: Scope, turn: (inner: Scope, key: unknown) => boolean): void {
      for (const [key, value] of pairs(evaluator.run(receiver, scope))) {
        const inner = variables.bind(scope, [key, value], evaluator);
        if (filter !== undefined && !isTrue(evaluator.run(filter, inner))) continue;
        if (turn(inner, key)) return;
      }
    },
  };
}

function quantifier(expansion: Expansion, kind: "all" | "exists"): Parts {
  const { body, check, run } = loop(expansion);
  const decisive = kind === "exists";
  return {
    typeCheck: (checker, _macro, scope) => {
      check(checker, scope);
      return checker.getType("bool");
    },
    evaluate(evaluator, { charge }, scope) {
      let failure: unknown;
      let isDecided = false;
      const goesOnCost = kind === "all" ? 2 : 3;
      run(evaluator, scope, (inner) => {
        // As cel-go writes the loop: asks whether to go on before each turn.
        charge(goesOnCost);
        if (isDecided) return true;
        charge(1);
        try {
          isDecided = isTrue(evaluator.run(body, inner)) === decisive;
        } catch (error) {
          failure ??= error;
        }
        return false;
      });
      charge(1);
      if (isDecided) return decisive;
      if (failure !== undefined) throw failure;
      return !decisive;
    },
  };
}

function existsOne(expansion: Expansion): Parts {
  const { body, check, run } = loop(expansion);
  return {
    typeCheck: (checker, _macro, scope) => {
      check(checker, scope);
      return checker.getType("bool");
    },
    evaluate(evaluator, { charge }, scope) {
      let count = 0;
      run(evaluator, scope, (inner) => {
        if (isTrue(evaluator.run(body, inner))) {
          charge(2);
          count++;
        }
        return false;
      });
      charge(2);
      return count === 1;
    },
  };
}

function transformList(expansion: Expansion): Parts {
  const { body, check, run } = loop(expansion);
  return {
    typeCheck: (checker, _macro, scope) => checker.registry.getListType(check(checker, scope).result),
    evaluate(evaluator, { charge }, scope) {
      const list: unknown[] = [];
      const cost = isConstant(body) ? 2 : 2 + listCost;
      run(evaluator, scope, (inner) => {
        list.push(evaluator.run(body, inner));
        charge(cost);
        return false;
      });
      charge(1);
      return list;
    },
  };
}

/** @param isEntry whether each turn gives a map of what to put in; else a value for the same key */
function transformMap(expansion: Expansion, isEntry: boolean): Parts {
  const { body, check, run } = loop(expansion);
  return {
    typeCheck(checker, _macro, scope) {
      const { range, result } = check(checker, scope);
      return isEntry ? result : checker.registry.getMapType(range[0], result);
    },
    evaluate(evaluator, { charge }, scope) {
      const map = new Map<unknown, unknown>();
      run(evaluator, scope, (inner, key) => {
        const value = evaluator.run(body, inner);
        for (const [name, each] of isEntry ? pairs(value) : [[key, value]]) {
          if (map.has(name)) throw new Error(`insert failed: key ${name} already exists`);
          map.set(name, each);
        }
        charge(isEntry ? 2 : 3);
        return false;
      });
      charge(1);
      return map;
    },
  };
}

function sortBy({ receiver, args }: Expansion): Parts {
  const variables = new Variables(args.slice(0, 1));
  const key = args[1] as Node;
  return {
    typeCheck(checker, _macro, scope) {
      const type = checker.check(receiver, scope);
      checker.check(key, variables.declare(scope, [type.kind === "list" ? type.valueType : checker.getType("dyn")]));
      return type;
    },
    evaluate(evaluator, { charge }, scope) {
      const list = evaluator.run(receiver, scope);
      if (!Array.isArray(list)) throw new Error("no such overload");
      charge(3);
      const cost = isConstant(key) ? 2 : 2 + listCost;
      const keys = list.map((item) => {
        charge(cost);
        return evaluator.run(key, variables.bind(scope, [item], evaluator));
      });
      charge(comparedToItself(keys));
      return sortedBy(list, keys);
    },
  };
}

/** @param isFlat whether what is made of the value is an optional itself */
function optionalMap({ receiver, args }: Expansion, isFlat: boolean): Parts {
  const variables = new Variables(args.slice(0, 1));
  const body = args[1] as Node;
  return {
    typeCheck(checker, _macro, scope) {
      const type = checker.check(receiver, scope);
      const inner = variables.declare(scope, [type.kind === "optional" ? type.valueType : checker.getType("dyn")]);
      const result = checker.check(body, inner);
      return isFlat ? result : checker.registry.getOptionalType(result);
    },
    evaluate(evaluator, { charge }, scope) {
      const isEmpty = optionalValue(evaluator.run(receiver, scope)) === undefined;
      charge(isEmpty ? 2 : 1);
      if (isEmpty) return optionalOf(undefined);
      // Evaluated again, as the macro is written: once to see whether there is a value, once for it.
      const value = optionalValue(evaluator.run(receiver, scope));
      charge(isFlat ? 1 : 2);
      const result = evaluator.run(body, variables.bind(scope, [value], evaluator));
      return isFlat ? result : optionalOf(result);
    },
  };
}
