import type { FieldFacts, JsonValue, StructFacts, TypeRef, TypeTable } from "@podwright/kube";

/** A value of a struct type of the type table: plain JSON, in canonical form. */
// biome-ignore lint/suspicious/noExplicitAny: the table, not the compiler, knows the fields.
export type Struct = Record<string, any>;

/** Functions that fill in what is missing, by the name of the struct they are for ("io.k8s.api.core.v1.Probe"). */
export type StructDefaults = Readonly<Record<string, (value: Struct) => void>>;

type Walk = (value: Struct) => void;

/**
 * Builds the functions that default whole objects: for each struct its own function, then the defaults the
 * table has for its fields, then the same for the structs in its fields, as upstream's generated
 * zz_generated.defaults.go do. Structs below which there is nothing to default are not visited.
 */
export class DefaultsCompiler {
  private readonly table: TypeTable;
  private readonly defaults: StructDefaults;
  private readonly walks = new Map<string, Walk>();
  private readonly affected = new Map<string, boolean>();

  constructor(table: TypeTable, defaults: StructDefaults) {
    this.table = table;
    this.defaults = defaults;
  }

  /** The defaulter of a struct, built when it is first asked for. */
  compile(structName: string): Walk {
    const built = this.walks.get(structName);
    if (built !== undefined) return built;
    // Types may contain themselves: whoever meets the type again while it is being built calls it by name.
    this.walks.set(structName, (value) => this.walks.get(structName)?.(value));
    const walk = this.build(structName);
    this.walks.set(structName, walk);
    return walk;
  }

  private build(structName: string): Walk {
    const steps: Walk[] = [];
    const own = this.defaults[structName];
    if (own !== undefined) steps.push(own);
    const struct = this.table.struct(structName);
    for (const field of struct?.fields.values() ?? []) {
      const name = field.name;
      const value = fieldDefault(field);
      if (value !== undefined) {
        steps.push((parent) => {
          if (isUnset(parent[name], field.pointer)) parent[name] = value;
        });
      }
      const walk = this.below(field.type);
      if (walk === undefined) continue;
      steps.push(
        field.inline
          ? walk
          : (parent) => {
              const value = parent[name];
              if (value !== undefined && value !== null) walk(value);
            },
      );
    }
    if (steps.length === 1) return steps[0] as Walk;
    return (value) => {
      for (const step of steps) step(value);
    };
  }

  private below(type: TypeRef): Walk | undefined {
    switch (type.type) {
      case "struct":
        return this.isAffected(type.name) ? this.compile(type.name) : undefined;
      case "list": {
        const walk = this.below(type.element);
        return (
          walk &&
          ((list) => {
            for (const element of list as unknown as Struct[]) walk(element);
          })
        );
      }
      case "map": {
        const walk = this.below(type.value);
        return (
          walk &&
          ((map) => {
            for (const value of Object.values(map)) walk(value);
          })
        );
      }
      default:
        return undefined;
    }
  }

  /** Is there anything to default in the struct or below it? */
  private isAffected(structName: string): boolean {
    const known = this.affected.get(structName);
    if (known !== undefined) return known;
    const seen = new Set<string>();
    const pending = [structName];
    let found = false;
    for (let name = pending.pop(); name !== undefined && !found; name = pending.pop()) {
      if (seen.has(name)) continue;
      seen.add(name);
      const struct = this.table.struct(name);
      found = this.defaults[name] !== undefined || hasFieldDefaults(struct);
      for (const field of struct?.fields.values() ?? []) {
        const inner = structIn(field.type);
        if (inner !== undefined) pending.push(inner);
      }
    }
    this.affected.set(structName, found);
    return found;
  }
}

function hasFieldDefaults(struct: StructFacts | undefined): boolean {
  for (const field of struct?.fields.values() ?? []) {
    if (fieldDefault(field) !== undefined) return true;
  }
  return false;
}

/** The field's +default marker. Of the implied zero defaults only those of pointers say anything. */
function fieldDefault(field: FieldFacts): JsonValue | undefined {
  if (field.default !== undefined && typeof field.default !== "object") return field.default;
  if (!field.zeroDefault || !field.pointer || field.type.type !== "scalar") return undefined;
  return field.type.scalar === "string" ? "" : field.type.scalar === "bool" ? false : 0;
}

function structIn(type: TypeRef): string | undefined {
  if (type.type === "struct") return type.name;
  if (type.type === "list") return structIn(type.element);
  if (type.type === "map") return structIn(type.value);
  return undefined;
}

function isUnset(value: JsonValue | undefined, pointer: boolean): boolean {
  if (value === undefined || value === null) return true;
  return !pointer && (value === "" || value === 0 || value === false);
}
