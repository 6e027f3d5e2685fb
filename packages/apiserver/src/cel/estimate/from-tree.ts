import { matchesFunction } from "../call-cost.ts";
import { isTypeName, type Node } from "../metering.ts";
import { optionalElement } from "../optional-elements.ts";
import { call, dyn, type Expression, ident, list, literal, type Type } from "./expression.ts";
import { writtenOut } from "./macros.ts";

/** What the package's syntax tree says, once its types are checked. */
export function expressionOf(node: Node): Expression {
  const type = typeOf(node);
  const parts = () => (node.args as Node[]).map(expressionOf);
  switch (node.op) {
    case "value":
      return literal(node.args, type);
    case "id":
      return ident(String(node.args), type);
    case ".": {
      const [operand, field] = node.args as [Node, string];
      if (isTypeName(node)) return ident(`${operand.args}.${field}`, type);
      return { is: "select", operand: expressionOf(operand), field, isTest: false, type };
    }
    case ".?": {
      const [operand, field] = node.args as [Node, string];
      return call("_?._", [expressionOf(operand), literal(field, { kind: "string" })], type);
    }
    case "[]":
    case "[?]":
    case "?:":
    case "&&":
    case "||":
      return call(node.op, parts(), type);
    case "list":
      return list(parts(), type);
    case "map": {
      const entries = (node.args as [Node, Node][]).map(
        ([key, value]) => [expressionOf(key), expressionOf(value)] as const,
      );
      return { is: "map", entries, type };
    }
    case "!_":
    case "-_": {
      const operand = expressionOf(node.args as Node);
      if (node.op === "-_" && operand.is === "literal") return literal(-(operand.value as bigint), type);
      return call(node.op.charAt(0), [operand], type);
    }
    case "call": {
      const [name, args] = node.args as [string, Node[]];
      if (name === "has") return test(args[0] as Node, type);
      return call(name, args.map(expressionOf), type);
    }
    case optionalElement:
      return expressionOf(node.args as Node);
    case "rcall":
      return methodCall(node, type);
    default:
      if (Array.isArray(node.args) && node.args.length === 2) return call(node.op, parts(), type);
      // Of what is not known, what it costs is not, either: it is let through.
      return literal(null, type);
  }
}

function typeOf({ checkedType, meta }: Node): Type {
  return plainType((checkedType ?? meta.alternate?.checkedType ?? dyn) as Type);
}

/** With what the package calls primitive under its own name. */
function plainType(type: Type): Type {
  const { kind, name, keyType, valueType } = type;
  return {
    kind: kind === "primitive" ? (name ?? kind) : kind,
    ...(name !== undefined && { name }),
    ...(keyType && { keyType: plainType(keyType) }),
    ...(valueType && { valueType: plainType(valueType) }),
  };
}

function test(field: Node, type: Type): Expression {
  const [operand, name] = field.args as [Node, string];
  return { is: "select", operand: expressionOf(operand), field: name, isTest: true, type };
}

function methodCall(node: Node, type: Type): Expression {
  const [written, receiver, given] = node.args as [string, Node, Node[]];
  const name = written === matchesFunction ? "matches" : written;
  const args = given.map(expressionOf);
  if (receiver.op === "id" && receiver.meta.alternate !== undefined)
    return call(`${receiver.args}.${name}`, args, type);
  const isMacro = node.meta.alternate !== undefined || node.meta.macro !== undefined;
  const macro = isMacro ? writtenOut(name, { receiver: () => expressionOf(receiver), args, type }) : undefined;
  return macro ?? call(name, args, type, expressionOf(receiver));
}
