/**
 * A patch that cannot be applied. `code` is the HTTP status the API server answers with
 * (k8s.io/apiserver/pkg/endpoints/handlers/patch.go): 400 for a patch that cannot be understood, 413 for one that is
 * too large, 422 for one that does not fit the object, 500 for what upstream has no answer to.
 */
export class PatchError extends Error {
  readonly code: 400 | 413 | 422 | 500;
  constructor(code: 400 | 413 | 422 | 500, message: string) {
    super(message);
    this.name = "PatchError";
    this.code = code;
  }
}
