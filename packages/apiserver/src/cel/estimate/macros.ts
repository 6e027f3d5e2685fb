import {
  bool,
  call,
  dyn,
  type Expression,
  ident,
  int,
  type List,
  type Loop,
  list,
  listOf,
  literal,
  type Type,
} from "./expression.ts";

const found = "@result";

interface Given {
  /** Made anew: some macros write it down twice. */
  receiver: () => Expression;
  args: readonly Expression[];
  type: Type;
}

/** A macro as cel-go writes it out (parser/macro.go, ext/comprehensions.go, ext/lists.go, cel/library.go); undefined for no macro. */
export function writtenOut(name: string, given: Given): Expression | undefined {
  const { args, type } = given;
  const isPair = args.length > 2;
  switch (`${name}/${args.length}`) {
    case "all/2":
    case "all/3":
      return loop(given, isPair, literal(true, bool), {
        condition: call("@not_strictly_false", [ident(found, bool)], bool),
        step: call("&&", [ident(found, bool), last(args)], bool),
      });
    case "exists/2":
    case "exists/3":
      return loop(given, isPair, literal(false, bool), {
        condition: call("@not_strictly_false", [call("!", [ident(found, bool)], bool)], bool),
        step: call("||", [ident(found, bool), last(args)], bool),
      });
    case "exists_one/2":
    case "exists_one/3":
    case "existsOne/3":
      return loop(given, isPair, literal(0n, int), {
        step: call("?:", [last(args), call("+", [ident(found, int), literal(1n, int)], int), ident(found, int)], int),
        result: call("==", [ident(found, int), literal(1n, int)], bool),
      });
    case "map/2":
      return loop(given, false, list([], type), { step: pushed(last(args), type) });
    case "map/3":
      return loop(given, false, list([], type), { step: pushedIf(args[1] as Expression, last(args), type) });
    case "filter/2":
      return loop(given, false, list([], type), { step: pushedIf(last(args), args[0] as Expression, type) });
    case "transformList/3":
      return loop(given, true, list([], type), { step: pushed(last(args), type) });
    case "transformList/4":
      return loop(given, true, list([], type), { step: pushedIf(args[2] as Expression, last(args), type) });
    case "transformMap/3":
    case "transformMap/4":
    case "transformMapEntry/3":
    case "transformMapEntry/4":
      return transformMap(name, given);
    case "sortBy/2":
      return sortBy(given);
    case "optMap/2":
      return optional(given, call("optional.of", [bound(given)], type));
    case "optFlatMap/2":
      return optional(given, bound(given));
    default:
      return undefined;
  }
}

function last(args: readonly Expression[]): Expression {
  return args.at(-1) as Expression;
}

function nameOf(expression: Expression | undefined): string {
  return expression?.is === "ident" ? expression.name : "";
}

function loop(
  { receiver, args, type }: Given,
  isPair: boolean,
  init: Expression,
  parts: { condition?: Expression; step: Expression; result?: Expression },
): Loop {
  return {
    is: "loop",
    isBind: false,
    range: receiver(),
    variable: nameOf(args[0]),
    second: isPair ? nameOf(args[1]) : undefined,
    accumulator: found,
    init,
    condition: parts.condition ?? literal(true, bool),
    step: parts.step,
    result: parts.result ?? ident(found, init.type),
    type,
  };
}

function pushed(item: Expression, type: Type): Expression {
  return call("+", [ident(found, type), list([item], type)], type);
}

function pushedIf(filter: Expression, item: Expression, type: Type): Expression {
  return call("?:", [filter, pushed(item, type), ident(found, type)], type);
}

function transformMap(name: string, given: Given): Expression {
  const { args, type } = given;
  const key = name === "transformMap" ? [args[0] as Expression] : [];
  const inserted = call("cel.@mapInsert", [ident(found, type), ...key, last(args)], type);
  const step = args.length === 4 ? call("?:", [args[2] as Expression, inserted, ident(found, type)], type) : inserted;
  return loop(given, true, { is: "map", entries: [], type }, { step });
}

function bind(name: string, value: Expression, result: Expression): Loop {
  const nothing: List = list([], listOf(dyn));
  return {
    is: "loop",
    isBind: true,
    range: nothing,
    variable: "#unused",
    second: undefined,
    accumulator: name,
    init: value,
    condition: literal(false, bool),
    step: ident(name, value.type),
    result,
    type: result.type,
  };
}

function sortBy({ receiver, args, type }: Given): Expression {
  const input = receiver();
  const name = "@__sortBy_input__";
  const keys = listOf(last(args).type);
  const mapped = writtenOut("map", { receiver: () => ident(name, input.type), args, type: keys }) as Expression;
  return bind(name, input, call("@sortByAssociatedKeys", [mapped], type, ident(name, input.type)));
}

function bound({ receiver, args }: Given): Expression {
  const target = receiver();
  const value = call("value", [], target.type.valueType ?? dyn, target);
  return bind(nameOf(args[0]), value, last(args));
}

function optional({ receiver, type }: Given, present: Expression): Expression {
  return call("?:", [call("hasValue", [], bool, receiver()), present, call("optional.none", [], type)], type);
}
