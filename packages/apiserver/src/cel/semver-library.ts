import type { Environment } from "./environment.ts";
import { succeeds } from "./quantity-library.ts";

/** A semantic version as an expression holds it: what is built does not count. */
class SemverValue {
  readonly numbers: readonly [major: bigint, minor: bigint, patch: bigint];
  readonly prerelease: readonly (bigint | string)[];
  constructor(numbers: readonly [bigint, bigint, bigint], prerelease: readonly (bigint | string)[]) {
    this.numbers = numbers;
    this.prerelease = prerelease;
  }
}

const type = "kubernetes.Semver";

/** semver(), isSemver() and what versions can do (k8s.io/apiserver/pkg/cel/library/semverlib.go). */
export function registerSemver(environment: Environment): Environment {
  const parse = (text: string, normalize = false): SemverValue => parseSemver(normalize ? normalized(text) : text);
  const is = (text: string, normalize?: boolean): boolean => succeeds(() => parse(text, normalize));
  return environment
    .registerType(type, { ctor: SemverValue, fields: {} })
    .registerFunction(`semver(string): ${type}`, (text: string) => parse(text))
    .registerFunction(`semver(string, bool): ${type}`, parse)
    .registerFunction("isSemver(string): bool", (text: string) => is(text))
    .registerFunction("isSemver(string, bool): bool", is)
    .registerFunction(`${type}.major(): int`, ({ numbers }: SemverValue) => numbers[0])
    .registerFunction(`${type}.minor(): int`, ({ numbers }: SemverValue) => numbers[1])
    .registerFunction(`${type}.patch(): int`, ({ numbers }: SemverValue) => numbers[2])
    .registerFunction(`${type}.isGreaterThan(${type}): bool`, (a: SemverValue, b: SemverValue) => compare(a, b) > 0)
    .registerFunction(`${type}.isLessThan(${type}): bool`, (a: SemverValue, b: SemverValue) => compare(a, b) < 0)
    .registerFunction(`${type}.compareTo(${type}): int`, (a: SemverValue, b: SemverValue) => BigInt(compare(a, b)))
    .registerOperator(`${type} == ${type}`, (a: SemverValue, b: SemverValue) => compare(a, b) === 0);
}

/** "v1.02" as "1.2.0". */
function normalized(text: string): string {
  const parts = inThree(text.replace(/^v/, "")).map((part) =>
    part.length > 1 ? part.replace(/^0+/, "").replace(/^(?!\d)/, "0") : part,
  );
  if (parts.length < 3 && /[+-]/.test(parts.at(-1) ?? "")) {
    throw new Error("short version cannot contain PreRelease/Build meta data");
  }
  return [...parts, "0", "0"].slice(0, 3).join(".");
}

function inThree(text: string): string[] {
  const [major = "", minor, ...patch] = text.split(".");
  return minor === undefined ? [major] : patch.length === 0 ? [major, minor] : [major, minor, patch.join(".")];
}

/** With the errors of github.com/blang/semver/v4. */
function parseSemver(text: string): SemverValue {
  if (text === "") throw new Error("Version string empty");
  const [major = "", minor = "", rest] = inThree(text);
  if (rest === undefined) throw new Error("No Major.Minor.Patch elements found");
  const first = [number(major, "Major"), number(minor, "Minor")] as const;
  const [, beforeBuild = "", build] = /^([^+]*)(?:\+(.*))?$/s.exec(rest) ?? [];
  const [, patch = "", prerelease] = /^([^-]*)(?:-(.*))?$/s.exec(beforeBuild) ?? [];
  const numbers = [...first, number(patch, "Patch")] as const;
  const parts = prerelease === undefined ? [] : prerelease.split(".").map(prereleasePart);
  for (const part of build?.split(".") ?? []) {
    if (part === "") throw new Error("Build meta data is empty");
    if (!/^[0-9A-Za-z-]+$/.test(part)) {
      throw new Error(`Invalid character(s) found in build meta data ${JSON.stringify(part)}`);
    }
  }
  return new SemverValue(numbers, parts);
}

function number(text: string, what: string): bigint {
  if (!/^\d*$/.test(text)) {
    throw new Error(`Invalid character(s) found in ${what.toLowerCase()} number ${JSON.stringify(text)}`);
  }
  if (/^0\d/.test(text)) throw new Error(`${what} number must not contain leading zeroes ${JSON.stringify(text)}`);
  return unsigned(text);
}

function prereleasePart(text: string): bigint | string {
  if (text === "") throw new Error("Prerelease is empty");
  if (/^0\d+$/.test(text)) {
    throw new Error(`Numeric PreRelease version must not contain leading zeroes ${JSON.stringify(text)}`);
  }
  if (/^\d+$/.test(text)) return unsigned(text);
  if (/^[0-9A-Za-z-]+$/.test(text)) return text;
  throw new Error(`Invalid character(s) found in prerelease ${JSON.stringify(text)}`);
}

function unsigned(text: string): bigint {
  const fail = (why: string) => new Error(`strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`);
  if (text === "") throw fail("invalid syntax");
  const value = BigInt(text);
  if (BigInt.asUintN(64, value) !== value) throw fail("value out of range");
  return value;
}

/** -1, 0 or 1. What comes before a release is less than it. */
function compare(a: SemverValue, b: SemverValue): number {
  for (const [index, number] of a.numbers.entries()) {
    const other = b.numbers[index] as bigint;
    if (number !== other) return number > other ? 1 : -1;
  }
  if (a.prerelease.length === 0 || b.prerelease.length === 0) {
    return Math.sign(b.prerelease.length) - Math.sign(a.prerelease.length);
  }
  for (const [index, part] of a.prerelease.entries()) {
    const other = b.prerelease[index];
    if (other === undefined) return 1;
    if (part === other) continue;
    if (typeof part !== typeof other) return typeof part === "bigint" ? -1 : 1;
    return part > other ? 1 : -1;
  }
  return a.prerelease.length === b.prerelease.length ? 0 : -1;
}
