import { jsonEqual } from "@podwright/kube";
import type { Condition, Definition, DefinitionNames } from "./definition.ts";

export interface NamingResult {
  acceptedNames: DefinitionNames;
  /** NamesAccepted. */
  condition: Omit<Condition, "lastTransitionTime">;
}

/**
 * Which of the names a definition asks for it gets: those that no other definition of its group has been given
 * (k8s.io/apiextensions-apiserver/pkg/controller/status/naming_controller.go).
 *
 * @param others the other definitions
 */
export function acceptNames(definition: Definition, others: Iterable<Definition>): NamingResult {
  const { resources, kinds } = takenNames(definition.spec.group, others);
  const wanted = definition.spec.names;
  const held: Partial<DefinitionNames> = definition.status?.acceptedNames ?? {};
  const accepted: Partial<DefinitionNames> = { ...held };
  let conflict: { reason: string; message: string } | undefined;

  const accept = (field: "plural" | "singular" | "kind" | "listKind", taken: ReadonlySet<string>, reason: string) => {
    const name = wanted[field] ?? "";
    if (name !== (held[field] ?? "") && taken.has(name)) conflict = { reason, message: `"${name}" is already in use` };
    else accepted[field] = name;
  };
  accept("plural", resources, "PluralConflict");
  accept("singular", resources, "SingularConflict");
  if (!jsonEqual(wanted.shortNames, held.shortNames)) {
    const inUse = (wanted.shortNames ?? []).filter((name) => !held.shortNames?.includes(name) && resources.has(name));
    if (inUse.length === 0) {
      if (wanted.shortNames === undefined) delete accepted.shortNames;
      else accepted.shortNames = wanted.shortNames;
    } else {
      const messages = inUse.map((name) => `"${name}" is already in use`);
      const message = messages.length === 1 ? (messages[0] as string) : `[${messages.join(", ")}]`;
      conflict = { reason: "ShortNamesConflict", message };
    }
  }
  accept("kind", kinds, "KindConflict");
  accept("listKind", kinds, "ListKindConflict");
  if (wanted.categories === undefined) delete accepted.categories;
  else accepted.categories = wanted.categories;

  const condition =
    conflict === undefined
      ? ({ type: "NamesAccepted", status: "True", reason: "NoConflicts", message: "no conflicts found" } as const)
      : ({ type: "NamesAccepted", status: "False", ...conflict } as const);
  return { acceptedNames: inOrder(accepted), condition };
}

function takenNames(group: string, others: Iterable<Definition>) {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const { spec, status } of others) {
    const names = status?.acceptedNames;
    if (spec.group !== group || names === undefined) continue;
    for (const name of [names.plural, names.singular, ...(names.shortNames ?? [])]) if (name) resources.add(name);
    for (const name of [names.kind, names.listKind]) if (name) kinds.add(name);
  }
  return { resources, kinds };
}

/** Fields in the order of the Go type, as everything that is stored. */
function inOrder(names: Partial<DefinitionNames>): DefinitionNames {
  const { plural = "", singular, shortNames, kind = "", listKind, categories } = names;
  return {
    plural,
    ...(singular ? { singular } : {}),
    ...(shortNames === undefined ? {} : { shortNames }),
    kind,
    ...(listKind ? { listKind } : {}),
    ...(categories === undefined ? {} : { categories }),
  };
}
