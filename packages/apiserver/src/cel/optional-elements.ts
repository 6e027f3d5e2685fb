import { optionalValue } from "./optional-value.ts";
import { celObject } from "./values.ts";

/** Where a list or map begins in an expression, and which of its elements are optional. */
type OptionalElements = ReadonlyMap<number, ReadonlySet<number>>;

interface Written {
  /** The expression with a space for each `?` before an element: positions stay as they are. */
  text: string;
  optional: OptionalElements;
}

/**
 * Finds the elements `[?x]` and entries `{?k: v}`, which the package does not know: there where the optional has a value
 * (cel-go's cel/library.go, OptionalTypes).
 */
export function readOptionalElements(expression: string): Written {
  if (!/[[{,]\s*\?/.test(expression)) return { text: expression, optional: new Map() };
  const optional = new Map<number, Set<number>>();
  const open: { at: number; takes: boolean; element: number }[] = [];
  const text = expression.split("");
  let before = "";
  for (const { 0: token, index: at } of expression.matchAll(tokens)) {
    if (/^(\s|\/\/)/.test(token)) continue;
    const inner = open.at(-1);
    if (token === "[" || token === "{" || token === "(") {
      // After an operand it is an index, a message or a call.
      open.push({ at, takes: token !== "(" && !/^[\w"')\]}]/.test(before), element: 0 });
    } else if (token === "]" || token === "}" || token === ")") open.pop();
    else if (token === "," && inner !== undefined) inner.element++;
    else if (token === "?" && inner?.takes === true && /^[[{,]$/.test(before)) {
      if (!/^\s*[\]},]/.test(expression.slice(at + 1, at + 100))) {
        optional.set(inner.at, (optional.get(inner.at) ?? new Set()).add(inner.element));
        text[at] = " ";
      }
    }
    before = token === "in" ? "" : token;
  }
  return { text: text.join(""), optional };
}

/** White space, comments, texts, words with numbers, and every other character by itself. */
const tokens =
  /\s+|\/\/.*|[bB]?[rR][bB]?("""[\s\S]*?"""|'''[\s\S]*?'''|"[^"\n]*"|'[^'\n]*')|[bB]?("""(\\[\s\S]|[^\\])*?"""|'''(\\[\s\S]|[^\\])*?'''|"(\\.|[^"\\\n])*"|'(\\.|[^'\\\n])*')|\w+|[\s\S]/g;

/** The package's syntax tree, as far as optional elements need it. */
interface TreeNode {
  op: string;
  start: number;
  args: unknown;
  readonly meta: object;
  clone(operation: Operation, args: TreeNode): TreeNode;
  setMeta(name: "evaluate", value: Operation["evaluate"]): unknown;
}

interface Operation {
  name: string;
  check(checker: Checker, node: TreeNode, scope: unknown): Type;
  evaluate(evaluator: Evaluator, node: TreeNode, scope: unknown): unknown;
}

interface Type {
  kind: string;
  /** Absent of optional.none(). */
  valueType?: Type;
}

interface Checker {
  check(node: TreeNode, scope: unknown): Type;
  formatType(type: Type): string;
  getType(name: string): Type;
  createError(code: string, message: string, node: TreeNode): Error;
}

interface Evaluator {
  run(node: TreeNode, scope: unknown): unknown;
}

/** The name of the operation that stands around an optional element in the tree. */
export const optionalElement = "optional element";

const absent = Symbol("absent");

const element: Operation = {
  name: optionalElement,
  check(checker, { args }, scope) {
    const type = checker.check(args as TreeNode, scope);
    // The type of optional.none() fits any other as it is.
    if (type.kind === "optional")
      return type.valueType?.kind === "param" ? type : (type.valueType ?? checker.getType("dyn"));
    if (type.kind === "dyn") return type;
    const found = checker.formatType(type);
    const message = `expected type 'optional<${found}>' but found '${found}'`;
    throw checker.createError("heterogeneous_optional", message, args as TreeNode);
  },
  evaluate(evaluator, { args }, scope) {
    const value = optionalValue(evaluator.run(args as TreeNode, scope));
    return value === undefined ? absent : value;
  },
};

/** Makes the lists and maps of a tree leave out the elements that are not there. Changes the tree. */
export function markOptionalElements(ast: unknown, optional: OptionalElements): void {
  if (optional.size === 0) return;
  const seen = new Set<unknown>();
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    const node = value as TreeNode;
    const marked = typeof node.op === "string" ? optional.get(node.start) : undefined;
    if (marked !== undefined && node.op === "list") markList(node, marked);
    else if (marked !== undefined && node.op === "map") markMap(node, marked);
    for (const child of Array.isArray(value) ? value : Object.values(value)) visit(child);
    // Where the parser keeps what a macro has become.
    visit(node.meta);
  };
  visit(ast);
}

/** The same around an element, once: parts of a tree are in several places where a macro was. */
function wrapped(node: TreeNode): TreeNode {
  return node.op === optionalElement ? node : node.clone(element, node);
}

function markList(node: TreeNode, marked: ReadonlySet<number>): void {
  const items = node.args as TreeNode[];
  // What macros begin with has the place of the list they go through.
  if (items.length <= Math.max(...marked)) return;
  for (const index of marked) items[index] = wrapped(items[index] as TreeNode);
  node.setMeta("evaluate", (evaluator, _node, scope) =>
    items.map((item) => evaluator.run(item, scope)).filter((value) => value !== absent),
  );
}

function markMap(node: TreeNode, marked: ReadonlySet<number>): void {
  const entries = node.args as [TreeNode, TreeNode][];
  if (entries.length <= Math.max(...marked)) return;
  for (const index of marked) {
    const entry = entries[index] as [TreeNode, TreeNode];
    entry[1] = wrapped(entry[1]);
  }
  node.setMeta("evaluate", (evaluator, _node, scope) => {
    const found = entries.map(
      ([key, value]) => [evaluator.run(key, scope) as string, evaluator.run(value, scope)] as [string, unknown],
    );
    return celObject(found.filter(([, value]) => value !== absent));
  });
}
