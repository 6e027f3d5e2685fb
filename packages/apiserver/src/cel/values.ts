/** JSON as CEL has it: whole numbers are ints, not doubles. Null for what is absent. */
export function celValue(value: unknown): unknown {
  if (value === undefined) return null;
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(celValue);
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  return celObject(entries.map(([key, field]) => [key, celValue(field)]));
}

/** A CEL map, or an object with fields. */
export function celObject(entries: readonly [string, unknown][]): unknown {
  // The package goes by an object's `constructor`, which a user's key of the name would hide.
  const isPlain = !entries.some(([key]) => key === "constructor" || key === "__proto__");
  return isPlain ? Object.fromEntries(entries) : new Map(entries);
}
