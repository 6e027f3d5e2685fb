/** A type, as far as costs depend on it: "list", "map", "string", "message", "dyn" and so on. */
export interface Type {
  kind: string;
  name?: string;
  keyType?: Type;
  valueType?: Type;
}

/**
 * An expression as cel-go has it: macros are written out as loops over an accumulator. Costs are estimated of this
 * form.
 */
export type Expression = Literal | Ident | Select | Call | List | MapLiteral | Loop;

interface Typed {
  type: Type;
}

export interface Literal extends Typed {
  is: "literal";
  value: unknown;
}

export interface Ident extends Typed {
  is: "ident";
  name: string;
}

export interface Select extends Typed {
  is: "select";
  operand: Expression;
  field: string;
  /** Of has(). */
  isTest: boolean;
}

export interface Call extends Typed {
  is: "call";
  /** With its namespace, "sets.contains"; operators as they are written, "&&". */
  name: string;
  target: Expression | undefined;
  args: Expression[];
}

export interface List extends Typed {
  is: "list";
  items: Expression[];
}

export interface MapLiteral extends Typed {
  is: "map";
  entries: (readonly [Expression, Expression])[];
}

export interface Loop extends Typed {
  is: "loop";
  /** One of a bound variable: runs over nothing. */
  isBind: boolean;
  range: Expression;
  variable: string;
  second: string | undefined;
  accumulator: string;
  init: Expression;
  condition: Expression;
  step: Expression;
  result: Expression;
}

export const dyn: Type = { kind: "dyn" };
export const bool: Type = { kind: "bool" };
export const int: Type = { kind: "int" };
export const listOf = (valueType: Type): Type => ({ kind: "list", valueType });

export const literal = (value: unknown, type: Type): Literal => ({ is: "literal", value, type });
export const ident = (name: string, type: Type): Ident => ({ is: "ident", name, type });
export const call = (name: string, args: Expression[], type: Type, target?: Expression): Call => ({
  is: "call",
  name,
  target,
  args,
  type,
});
export const list = (items: Expression[], type: Type): List => ({ is: "list", items, type });
