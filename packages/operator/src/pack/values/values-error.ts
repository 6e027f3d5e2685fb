/** Values that cannot be made. */
export class ValuesError extends Error {
  /** ".gonbad.workloads.web" inside values, "valuesFrom[0]" of a source. */
  readonly path: string;

  /** @param message says what is wrong at the path, without naming it */
  constructor(path: string, message: string) {
    super(path === "" ? message : `${path}: ${message}`);
    this.name = "ValuesError";
    this.path = path;
  }
}
