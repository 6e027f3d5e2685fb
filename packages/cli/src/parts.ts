import { type PartName, partNames } from "@podwright/operator";
import { CommandError } from "./error.ts";

/** The names after --without. Throws a CommandError for one that is none. */
export function parseParts(names: readonly string[] = []): PartName[] {
  return names.map((name) => {
    const part = partNames.find((known) => known === name);
    if (part !== undefined) return part;
    throw new CommandError(`--without ${name}: there is no such part; there is ${partNames.join(", ")}`, 2);
  });
}
