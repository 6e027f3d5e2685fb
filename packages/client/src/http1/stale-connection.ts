/** A kept-alive connection was closed under a request before any answer. */
export class StaleConnection extends Error {
  constructor(cause: Error) {
    super("stale connection", { cause });
  }
}
