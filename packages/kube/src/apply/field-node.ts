import { isJsonObject } from "../json.ts";
import type { JsonValue } from "../object.ts";
import { compareEncoded, decodeElement, encodeElement } from "./path-element.ts";

/**
 * A set of fields as fieldsV1 has it: steps of paths with what is below them. `{}` is a member without members below;
 * "." marks a member that has some. The root is no member. Nodes are shared and never changed once they are in a set.
 */
export interface FieldNode {
  readonly [element: string]: FieldNode;
}

/** A set under construction. */
export interface MutableFieldNode {
  [element: string]: FieldNode;
}

/** What is no member and has none below it; a member where it is a step's value. */
export const leaf: FieldNode = Object.freeze({});

export function isLeaf(node: FieldNode): boolean {
  for (const _ in node) return false;
  return true;
}

/** Whether the step that has this node is a member itself. */
export function isMember(node: FieldNode): boolean {
  return node["."] !== undefined || isLeaf(node);
}

/** Whether there are members below the step. */
export function hasChildren(node: FieldNode): boolean {
  for (const key in node) if (key !== ".") return true;
  return false;
}

/** The node as a member, with what is below it. */
export function asMember(node: FieldNode | undefined): FieldNode {
  if (node === undefined) return leaf;
  return isMember(node) ? node : { ".": leaf, ...node };
}

export function unionOf(a: FieldNode, b: FieldNode, root = true): FieldNode {
  if (a === b) return a;
  let out: MutableFieldNode | undefined;
  let base = a;
  if (!root && !isMember(a) && isMember(b)) base = out = { ".": leaf, ...a };
  else if (!root && isLeaf(a) && !isLeaf(b)) return asMember(b);
  for (const key in b) {
    if (key === ".") continue;
    const mine = base[key];
    const theirs = b[key] as FieldNode;
    const merged = mine === undefined ? theirs : unionOf(mine, theirs, false);
    if (merged === mine) continue;
    out ??= { ...a };
    out[key] = merged;
  }
  return out ?? a;
}

/** Undefined when nothing is in both. */
export function intersectionOf(a: FieldNode, b: FieldNode, root = true): FieldNode | undefined {
  if (a === b) return a;
  let children: MutableFieldNode | undefined;
  let whole = true;
  for (const key in a) {
    if (key === ".") continue;
    const theirs = b[key];
    const mine = a[key] as FieldNode;
    const both = theirs === undefined ? undefined : intersectionOf(mine, theirs, false);
    if (both !== mine) whole = false;
    if (both === undefined) continue;
    children ??= {};
    children[key] = both;
  }
  const member = !root && isMember(a) && isMember(b);
  if (whole && (root || member || !isMember(a))) return a;
  if (member) return asMember(children);
  return children;
}

/** Undefined when nothing is left; `recursive` takes away what is below members of `b` too. */
export function differenceOf(a: FieldNode, b: FieldNode, recursive: boolean, root = true): FieldNode | undefined {
  let left: MutableFieldNode | undefined;
  let count = 0;
  let changed = false;
  for (const key in b) {
    if (key === ".") continue;
    const mine = a[key];
    if (mine === undefined) continue;
    const theirs = b[key] as FieldNode;
    const rest = recursive && isMember(theirs) ? undefined : differenceOf(mine, theirs, recursive, false);
    if (rest === mine) continue;
    changed = true;
    left ??= { ...a };
    if (rest === undefined) delete left[key];
    else left[key] = rest;
  }
  const rest = left ?? a;
  if (!root) {
    const wasMember = isMember(a);
    if (wasMember && !isMember(b)) return changed ? (hasChildren(rest) ? rest : leaf) : a;
    if (wasMember) {
      if (!hasChildren(rest)) return undefined;
      const { ".": _, ...children } = rest;
      return children;
    }
  }
  if (!changed) return a;
  for (const _ in rest) count++;
  return count === 0 ? undefined : rest;
}

export function nodesEqual(a: FieldNode, b: FieldNode): boolean {
  if (a === b) return true;
  let keys = 0;
  for (const key in a) {
    const theirs = b[key];
    if (theirs === undefined || !nodesEqual(a[key] as FieldNode, theirs)) return false;
    keys++;
  }
  for (const _ in b) keys--;
  return keys === 0;
}

/** The members without members below them. Undefined when there are none. */
export function leavesOf(node: FieldNode): FieldNode | undefined {
  let out: MutableFieldNode | undefined;
  for (const key in node) {
    if (key === ".") continue;
    const child = node[key] as FieldNode;
    const leaves = isLeaf(child) ? leaf : leavesOf(child);
    if (leaves === undefined) continue;
    out ??= {};
    out[key] = leaves;
  }
  return out;
}

/** The node in upstream's order; itself if it is. */
export function sortedNode(node: FieldNode): FieldNode {
  let last: string | undefined;
  let changed: MutableFieldNode | undefined;
  for (const key in node) {
    const child = node[key] as FieldNode;
    if (key === "." ? last !== undefined : last !== undefined && last !== "." && compareEncoded(last, key) > 0) {
      return resorted(node);
    }
    last = key;
    const sorted = sortedNode(child);
    if (sorted === child) continue;
    changed ??= {};
    changed[key] = sorted;
  }
  return changed === undefined ? node : { ...node, ...changed };
}

function resorted(node: FieldNode): FieldNode {
  const out: MutableFieldNode = {};
  const keys = Object.keys(node).sort((a, b) => (a === "." ? -1 : b === "." ? 1 : compareEncoded(a, b)));
  for (const key of keys) out[key] = sortedNode(node[key] as FieldNode);
  return out;
}

/** What encoded steps look like that need no reading to know they are canonical. */
const plainElement = /^(?:f:|k:\{"[\w.-]+":(?:"[\w ./-]*"|\d{1,9})\}$|v:"[\w ./-]*"$)/;

/**
 * Reads fieldsV1 as a client sends it: steps in any form, of kinds that are not known (left out).
 *
 * @throws {PathElementError} for steps that are none, and for what is no map.
 */
export function readNode(value: JsonValue): FieldNode {
  const out: MutableFieldNode = {};
  if (!isJsonObject(value)) return leaf;
  for (const key of Object.keys(value)) {
    const child = value[key];
    if (child === undefined) continue;
    if (key === ".") {
      out["."] = leaf;
      continue;
    }
    let canonical = key;
    if (!plainElement.test(key)) {
      const element = decodeElement(key);
      if (element === undefined) continue;
      canonical = encodeElement(element);
    }
    const node = readNode(child);
    const known = out[canonical];
    out[canonical] = known === undefined ? node : unionOf(known, node, false);
  }
  if (!hasChildren(out)) return leaf;
  return out;
}
