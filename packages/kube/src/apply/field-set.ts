import type { JsonObject, JsonValue } from "../object.ts";
import {
  differenceOf,
  type FieldNode,
  hasChildren,
  intersectionOf,
  isMember,
  leaf,
  leavesOf,
  nodesEqual,
  readNode,
  sortedNode,
  unionOf,
} from "./field-node.ts";
import { compareEncoded, decodeElement, encodeElement, formatPath, type PathElement } from "./path-element.ts";

/**
 * A set of fields, as managedFields has them (structured-merge-diff, fieldpath/set.go). It holds the fieldsV1 object
 * itself, so reading and writing a set that does not change costs nothing. Operations that change nothing return the
 * set they were called on.
 */
export class FieldSet {
  static readonly empty: FieldSet = new FieldSet(leaf);

  /** For the other modules of this folder. */
  readonly node: FieldNode;
  #sorted: FieldNode | undefined;

  constructor(node: FieldNode) {
    this.node = node;
  }

  /** A set that this server wrote: no check, no copy. */
  static fromStored(fieldsV1: JsonObject): FieldSet {
    return new FieldSet(fieldsV1 as FieldNode);
  }

  /**
   * A set that a client wrote.
   *
   * @throws {PathElementError} for keys that are no steps of paths.
   */
  static parse(fieldsV1: JsonValue): FieldSet {
    return new FieldSet(withoutRootMark(readNode(fieldsV1)));
  }

  /** The set of these paths; the empty path, the whole object, is no member of any set. */
  static of(...paths: readonly (readonly PathElement[])[]): FieldSet {
    let node: FieldNode = leaf;
    for (const path of paths) {
      let below: FieldNode = leaf;
      for (let i = path.length - 1; i >= 0; i--) below = { [encodeElement(path[i] as PathElement)]: below };
      if (path.length > 0) node = unionOf(node, below);
    }
    return node === leaf ? FieldSet.empty : new FieldSet(node);
  }

  /** The set of these fields, e.g. "metadata.name". */
  static ofPaths(...paths: readonly string[]): FieldSet {
    return FieldSet.of(...paths.map((path) => path.split(".").map((f) => ({ f }))));
  }

  /** The fieldsV1 object, ordered as upstream writes it. */
  toJson(): JsonObject {
    this.#sorted ??= sortedNode(this.node);
    return this.#sorted as JsonObject;
  }

  isEmpty(): boolean {
    return !hasChildren(this.node);
  }

  /** The number of members. */
  size(): number {
    return countMembers(this.node);
  }

  equals(other: FieldSet): boolean {
    return nodesEqual(this.node, other.node);
  }

  has(path: readonly PathElement[]): boolean {
    if (path.length === 0) return false;
    let node: FieldNode | undefined = this.node;
    for (const element of path) {
      node = node[encodeElement(element)];
      if (node === undefined) return false;
    }
    return isMember(node);
  }

  union(other: FieldSet): FieldSet {
    if (this.isEmpty()) return other.isEmpty() ? this : other;
    return this.#with(unionOf(this.node, other.node));
  }

  intersection(other: FieldSet): FieldSet {
    return this.#with(intersectionOf(this.node, other.node));
  }

  /** Without the members of the other; what is below those stays. */
  difference(other: FieldSet): FieldSet {
    return this.#with(differenceOf(this.node, other.node, false));
  }

  /** Without the members of the other and all that is below them. */
  recursiveDifference(other: FieldSet): FieldSet {
    return this.#with(differenceOf(this.node, other.node, true));
  }

  /** The members that have no members below them. */
  leaves(): FieldSet {
    return this.#with(leavesOf(this.node));
  }

  /** All members' paths: those of a step in order, then those below it. */
  paths(): PathElement[][] {
    const paths: PathElement[][] = [];
    collectPaths(this.node, [], paths);
    return paths;
  }

  /** One path a line. */
  toString(): string {
    return this.paths().map(formatPath).join("\n");
  }

  #with(node: FieldNode | undefined): FieldSet {
    return node === this.node ? this : node === undefined || node === leaf ? FieldSet.empty : new FieldSet(node);
  }
}

function withoutRootMark(node: FieldNode): FieldNode {
  if (node["."] === undefined) return node;
  const { ".": _, ...rest } = node;
  return rest;
}

function countMembers(node: FieldNode): number {
  let count = 0;
  for (const key in node) {
    if (key === ".") continue;
    const child = node[key] as FieldNode;
    count += (isMember(child) ? 1 : 0) + countMembers(child);
  }
  return count;
}

function collectPaths(node: FieldNode, prefix: readonly PathElement[], paths: PathElement[][]): void {
  const keys = Object.keys(node).filter((key) => key !== ".");
  keys.sort(compareEncoded);
  const below: [PathElement, FieldNode][] = [];
  for (const key of keys) {
    const child = node[key] as FieldNode;
    const element = decodeElement(key);
    if (element === undefined) continue;
    if (isMember(child)) paths.push([...prefix, element]);
    if (hasChildren(child)) below.push([element, child]);
  }
  for (const [element, child] of below) collectPaths(child, [...prefix, element], paths);
}
