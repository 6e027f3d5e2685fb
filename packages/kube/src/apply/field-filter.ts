import { asMember, type FieldNode, isLeaf, isMember, leaf, type MutableFieldNode } from "./field-node.ts";
import { FieldSet } from "./field-set.ts";

/** Takes fields out of a set: those a strategy resets are nobody's (fieldpath.Filter of structured-merge-diff). */
export type FieldSetFilter = (set: FieldSet) => FieldSet;

/** Takes out these fields and all below them. */
export function excludeFields(excluded: FieldSet): FieldSetFilter {
  return (set) => (excluded.isEmpty() ? set : set.recursiveDifference(excluded));
}

/**
 * Keeps only the fields at, above or below these paths of field names, in which "*" stands for any step:
 * `["spec", "containers", "*", "resources"]`. Members above are kept where the path passes through them.
 */
export function includeFields(...patterns: readonly (readonly string[])[]): FieldSetFilter {
  const root = matcherOf(patterns);
  return (set) => {
    const node = matching(set.node, root);
    return node === set.node ? set : node === undefined ? FieldSet.empty : new FieldSet(node);
  };
}

interface Matcher {
  any: boolean;
  wildcard?: Matcher;
  fields: Map<string, Matcher>;
}

function matcherOf(patterns: readonly (readonly string[])[]): Matcher {
  const root: Matcher = { any: false, fields: new Map() };
  for (const pattern of patterns) {
    let matcher = root;
    for (const part of pattern) {
      let next = part === "*" ? matcher.wildcard : matcher.fields.get(`f:${part}`);
      if (next === undefined) {
        next = { any: false, fields: new Map() };
        if (part === "*") matcher.wildcard = next;
        else matcher.fields.set(`f:${part}`, next);
      }
      matcher = next;
    }
    matcher.any = true;
  }
  return root;
}

function matching(node: FieldNode, matcher: Matcher): FieldNode | undefined {
  if (matcher.any) return node;
  let out: MutableFieldNode | undefined;
  for (const key in node) {
    if (key === ".") continue;
    const next = matcher.wildcard ?? matcher.fields.get(key);
    if (next === undefined) continue;
    const child = node[key] as FieldNode;
    const below = isLeaf(child) ? undefined : matching(child, next);
    if (below === undefined && !isMember(child)) continue;
    out ??= {};
    out[key] = isMember(child) ? asMember(below) : (below ?? leaf);
  }
  return out;
}
