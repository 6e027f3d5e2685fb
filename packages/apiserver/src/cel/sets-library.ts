import type { Environment } from "./environment.ts";

class SetsNamespace {}

/** sets.contains(), sets.equivalent() and sets.intersects() of lists (github.com/google/cel-go/ext/sets.go). */
export function registerSets(environment: Environment): Environment {
  const holds = (list: readonly unknown[], element: unknown): boolean => list.some((each) => isEqual(each, element));
  const contains = (list: unknown[], other: unknown[]): boolean => other.every((element) => holds(list, element));
  const method = (name: string, test: (a: unknown[], b: unknown[]) => boolean): void => {
    environment.registerFunction(
      `ext.sets.${name}(list, list): bool`,
      (_sets: SetsNamespace, a: unknown[], b: unknown[]) => test(a, b),
    );
  };
  environment
    .registerType("ext.sets", { ctor: SetsNamespace, fields: {} })
    .registerConstant("sets", "ext.sets", new SetsNamespace());
  method("contains", contains);
  method("equivalent", (a, b) => contains(a, b) && contains(b, a));
  method("intersects", (a, b) => a.some((element) => holds(b, element)));
  return environment;
}

export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((each, i) => isEqual(each, b[i]));
  if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) return false;
  // Timestamps and durations.
  const [m, n] = [a.valueOf(), b.valueOf()];
  if (typeof m === "number") return m === n;
  const [x, y] = [Object.entries(a), Object.entries(b)];
  return x.length === y.length && x.every(([key, value]) => isEqual(value, (b as Record<string, unknown>)[key]));
}
