import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../object.ts";
import { type ApplyCase, applyCase } from "./apply-cases.ts";
import { type ApplyState, runApplyCase } from "./apply-run.ts";
import { FieldSet } from "./field-set.ts";
import { PathElementError } from "./path-element.ts";

/** Answered by upstream's own code; see conformance/upstream. */
function lines<Line>(file: string): Line[] {
  const text = readFileSync(new URL(`./testdata/${file}`, import.meta.url), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

/** Which of several problems comes first is a matter of Go's map order. */
function withSortedError(state: ApplyState | undefined): ApplyState | undefined {
  return state?.error === undefined ? state : { ...state, error: state.error.split("\n").sort().join("\n") };
}

interface FieldSetLine {
  a: JsonObject;
  b: JsonObject;
  error?: string;
  [answer: string]: unknown;
}

describe("server-side apply, as upstream does it", () => {
  it("gives the same objects, owners and conflicts, step by step", () => {
    for (const { states, ...apply } of lines<ApplyCase & { states: ApplyState[] }>("apply.jsonl")) {
      const own = runApplyCase(apply);
      for (const [index, state] of states.entries()) {
        expect(withSortedError(own[index])).toEqual(state);
        // The order of fields in sets is part of the answer.
        for (const [manager, owned] of Object.entries(state.managers)) {
          expect(JSON.stringify(own[index]?.managers[manager])).toBe(JSON.stringify(owned));
        }
      }
    }
  });

  it("changes none of the objects and configurations it is given", () => {
    fc.assert(
      fc.property(applyCase, (apply) => {
        const before = structuredClone(apply);
        runApplyCase(apply);
        expect(apply).toEqual(before);
      }),
      { numRuns: 60 },
    );
  });

  it("has the same sets of fields", () => {
    for (const { a, b, ...answers } of lines<FieldSetLine>("field-sets.jsonl")) {
      if (answers.error !== undefined) {
        expect(() => [FieldSet.parse(a), FieldSet.parse(b)]).toThrow(PathElementError);
        continue;
      }
      const left = FieldSet.parse(a);
      const right = FieldSet.parse(b);
      const own = {
        paths: left.toString(),
        size: left.size(),
        equal: left.equals(right),
        read: left.toJson(),
        union: left.union(right).toJson(),
        intersection: left.intersection(right).toJson(),
        difference: left.difference(right).toJson(),
        recursiveDifference: left.recursiveDifference(right).toJson(),
        leaves: left.leaves().toJson(),
      };
      for (const [name, value] of Object.entries(own)) {
        expect(JSON.stringify(value), `${name} of ${JSON.stringify([a, b])}`).toBe(JSON.stringify(answers[name]));
      }
    }
  });
});
