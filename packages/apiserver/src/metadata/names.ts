import { randomInt } from "node:crypto";

/** What generateName may grow to before the random part is put on (k8s.io/apiserver/pkg/storage/names/generate.go). */
const maxGeneratedBase = 58;
const randomLength = 5;
/** No vowels and none of 0, 1, 3: no words, nothing to misread (apimachinery/pkg/util/rand). */
const alphabet = "bcdfghjklmnpqrstvwxz2456789";

/** A name from a generateName: at most 63 characters. */
export function generateName(base: string): string {
  let name = base.slice(0, maxGeneratedBase);
  for (let i = 0; i < randomLength; i++) name += alphabet[randomInt(alphabet.length)];
  return name;
}
