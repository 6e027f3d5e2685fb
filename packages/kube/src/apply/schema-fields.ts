import { type ApplySchema, fieldType, firstForm } from "./apply-schema.ts";
import { asMember, type FieldNode, hasChildren, isLeaf, leaf, type MutableFieldNode } from "./field-node.ts";
import { FieldSet } from "./field-set.ts";

/**
 * The set with the fields that the type declares and that have members below them as members
 * (fieldpath.Set.EnsureNamedFieldsAreMembers).
 */
export function withNamedFields(set: FieldSet, schema: ApplySchema): FieldSet {
  const node = named(set.node, schema);
  return node === set.node ? set : new FieldSet(node);
}

function named(node: FieldNode, schema: ApplySchema | undefined): FieldNode {
  let out: MutableFieldNode | undefined;
  for (const key in node) {
    if (key === ".") continue;
    const child = node[key] as FieldNode;
    if (isLeaf(child)) continue;
    let next: FieldNode;
    if (key.startsWith("f:")) {
      const name = key.slice(2);
      next = named(child, schema?.map === undefined ? undefined : fieldType(schema.map, name));
      if (schema?.map?.field(name) !== undefined) next = asMember(next);
    } else next = named(child, key.startsWith("k:") ? schema?.list?.element : undefined);
    if (next === child) continue;
    out ??= { ...node };
    out[key] = next;
  }
  return out ?? node;
}

/**
 * The set as its owner has it after its type changed since it was written: where a list or map became one value, it
 * owns that and nothing below (structured-merge-diff, typed/reconcile_schema.go).
 */
export function reconcileWithSchema(set: FieldSet, schema: ApplySchema): FieldSet {
  const node = reconciled(set.node, schema, true);
  return node === set.node ? set : new FieldSet(node);
}

function reconciled(node: FieldNode, schema: ApplySchema, root: boolean): FieldNode {
  if (!hasChildren(node)) return node;
  const form = firstForm(schema, "any");
  if (form === "scalar") return node;
  if (form === "map" && schema.map?.free === true) return node;
  const atomic = form === "map" ? schema.map?.atomic : schema.list?.atomic;
  if (atomic === true) return root ? node : leaf;
  let out: MutableFieldNode | undefined;
  for (const key in node) {
    if (key === ".") continue;
    const child = node[key] as FieldNode;
    if (isLeaf(child)) continue;
    const type =
      form === "list"
        ? schema.list?.element
        : schema.map !== undefined && key.startsWith("f:")
          ? fieldType(schema.map, key.slice(2))
          : schema.map?.element;
    const next = type === undefined ? child : reconciled(child, type, false);
    if (next === child) continue;
    out ??= { ...node };
    out[key] = next;
  }
  return out ?? node;
}
