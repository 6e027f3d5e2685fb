import { createRequire } from "node:module";
import semver, { type Range } from "semver";
import { matchesGlob } from "../reflector/glob.ts";
import { versionOfTag } from "./version.ts";

/** Which images of its repository a workload may get. */
export type Policy =
  | { kind: "newest" | "same-tag" | "off"; text: string }
  | { kind: "semver"; text: string; range: Range }
  | { kind: "glob" | "regex"; text: string; fits: (tag: string) => boolean };

/** The annotation cannot be read: says what may stand there. */
export class PolicyError extends Error {
  constructor(text: string, why: string) {
    super(`the policy ${JSON.stringify(text.slice(0, 200))} ${why}`);
    this.name = "PolicyError";
  }
}

export const newestPolicy: Policy = { kind: "newest", text: "newest" };

/** Reads "newest", "semver:RANGE", "glob:PATTERN", "regex:PATTERN", "same-tag" or "off". Throws PolicyError. */
export function parsePolicy(given: string): Policy {
  const text = given.trim();
  if (text === "newest" || text === "same-tag" || text === "off") return { kind: text, text };
  const colon = text.indexOf(":");
  const rest = text.slice(colon + 1).trim();
  switch (colon < 0 ? "" : text.slice(0, colon)) {
    case "semver": {
      const range = rest === "" ? null : readRange(rest);
      if (range === null) throw new PolicyError(text, "has no range of versions that can be read");
      return { kind: "semver", text, range };
    }
    case "glob":
      if (rest === "") throw new PolicyError(text, "has no pattern");
      return { kind: "glob", text, fits: (tag) => matchesGlob(rest, tag) };
    case "regex":
      return { kind: "regex", text, fits: compile(text, rest) };
    default:
      throw new PolicyError(text, "is none of newest, semver:RANGE, glob:PATTERN, regex:PATTERN, same-tag, off");
  }
}

/** Whether the policy could choose this tag at all. */
export function allowsTag(policy: Policy, tag: string): boolean {
  switch (policy.kind) {
    case "newest":
      return true;
    case "same-tag":
    case "off":
      return false;
    case "glob":
    case "regex":
      return policy.fits(tag);
    case "semver": {
      const version = versionOfTag(tag);
      return version !== undefined && policy.range.test(version);
    }
  }
}

function readRange(text: string): Range | null {
  try {
    return new semver.Range(text);
  } catch {
    return null;
  }
}

/** By RE2: an expression of JavaScript's may take for ever. It must fit the whole tag. */
function compile(text: string, pattern: string): (tag: string) => boolean {
  if (pattern === "") throw new PolicyError(text, "has no pattern");
  // Loaded for those who ask.
  const { RE2JS } = createRequire(import.meta.url)("re2js") as typeof import("re2js");
  try {
    const compiled = RE2JS.compile(pattern);
    return (tag) => compiled.matches(tag);
  } catch (error) {
    throw new PolicyError(text, `cannot be read: ${(error as Error).message}`);
  }
}
