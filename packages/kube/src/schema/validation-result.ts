import type { FieldError } from "../field-error.ts";

/** One thing that is wrong: the text tells it from others, the error is made when the place is known. */
export interface Problem {
  text: string;
  at(path: string): FieldError;
}

/**
 * What validating a value against a schema gave. The count of what matched is how the best of several alternatives is
 * found (k8s.io/kube-openapi/pkg/validation/validate/result.go).
 */
export class ValidationResult {
  readonly problems: Problem[] = [];
  matches = 0;

  get valid(): boolean {
    return this.problems.length === 0;
  }

  /** Adds a problem, unless one of the same text is there. */
  add(problem: Problem): void {
    if (!this.problems.some(({ text }) => text === problem.text)) this.problems.push(problem);
  }

  merge(other: ValidationResult): void {
    for (const problem of other.problems) this.add(problem);
    this.matches += other.matches;
  }
}
