/** How large a value, or a cost, can be. */
export interface Range {
  min: number;
  max: number;
}

/** Where upstream's unsigned numbers end: more is counted as this. */
export const most = 2 ** 64;

export const unknownSize: Range = { min: 0, max: most };
export const fixed = (size: number): Range => ({ min: size, max: size });

export function add(a: Range, b: Range): Range {
  return { min: sum(a.min, b.min), max: sum(a.max, b.max) };
}

export function multiply(a: Range, b: Range): Range {
  return { min: product(a.min, b.min), max: product(a.max, b.max) };
}

/** What holds both. */
export function union(a: Range, b: Range): Range {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}

export function sum(...costs: number[]): number {
  return Math.min(
    most,
    costs.reduce((total, cost) => total + cost, 0),
  );
}

export function product(a: number, b: number): number {
  return Math.min(most, a * b);
}

/** Rounded up. */
export function scaled(amount: number, factor: number): number {
  return Math.min(most, Math.ceil(amount * factor));
}
