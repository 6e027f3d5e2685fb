import { type KindFacts, nativeTypes, type TypeTable } from "@podwright/kube";
import { kindsWithOwnRules } from "../kinds/all-kinds.ts";
import type { NativeKind } from "../kinds/kind.ts";
import { nameAndCreatedAt } from "./columns.ts";
import { nativeStrategy } from "./default-strategy.ts";
import { DefaultsCompiler, type StructDefaults } from "./defaulting.ts";
import type { Resource } from "./resource.ts";

/**
 * Every native resource that is served, with the rules of its kind. Made anew by each call: the caller may
 * change what is in the array.
 */
export function nativeResources(): Resource[] {
  const table = nativeTypes();
  const compiler = new DefaultsCompiler(table, allDefaults());
  return table.kinds.map((facts) => nativeResource(facts, table, compiler));
}

function nativeResource(facts: KindFacts, table: TypeTable, compiler: DefaultsCompiler): Resource {
  const kind: NativeKind = kindsWithOwnRules[`${facts.group}/${facts.version}/${facts.kind}`] ?? {};
  return {
    group: facts.group,
    version: facts.version,
    kind: facts.kind,
    listKind: facts.listKind,
    plural: facts.plural,
    singular: facts.singular,
    shortNames: facts.shortNames,
    categories: facts.categories,
    namespaced: facts.namespaced,
    verbs: facts.verbs,
    subresources: facts.subresources,
    storage: kind.storage ?? { group: facts.group, plural: facts.plural },
    custom: false,
    strategy: nativeStrategy(facts, kind, table, () => compiler.compile(facts.type)),
    table: kind.table ?? nameAndCreatedAt,
    ...(kind.conversion && { conversion: { by: "server" as const, ...kind.conversion } }),
    ...(kind.scale && { scale: kind.scale }),
    ...(kind.deprecationWarning !== undefined && { deprecationWarning: kind.deprecationWarning }),
  };
}

/** The defaults of all structs: one that several kinds have is defaulted in all of them. */
function allDefaults(): StructDefaults {
  return Object.assign({}, ...Object.values(kindsWithOwnRules).map((kind) => kind.defaults ?? {}));
}
