import { type ImageChoice, imageChoices, type PartName, partNames } from "@podwright/operator";
import { CommandError } from "./error.ts";

/** The names after --without. Throws a CommandError for one that is none. */
export function parseParts(names: readonly string[] = []): PartName[] {
  return parse(names, partNames);
}

/** The same for `podwright up`, which has the pod service too. */
export function parseUpParts(names: readonly string[] = []): { without: PartName[]; podService: boolean } {
  const left = parse(names, [...partNames, "pod-service" as const]);
  return { without: left.filter((name) => name !== "pod-service"), podService: !left.includes("pod-service") };
}

function parse<T extends string>(names: readonly string[], known: readonly T[]): T[] {
  return names.map((name) => {
    const part = known.find((candidate) => candidate === name);
    if (part !== undefined) return part;
    throw new CommandError(`--without ${name}: there is no such part; there is ${known.join(", ")}`, 2);
  });
}

/** What --images names. Throws a CommandError for anything else. */
export function parseImages(text: string): ImageChoice {
  const choice = imageChoices.find((known) => known === text);
  if (choice !== undefined) return choice;
  throw new CommandError(`--images ${text}: there is ${imageChoices.join(", ")}`, 2);
}
