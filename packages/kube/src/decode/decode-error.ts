/** A body that cannot be read into its type. The message is what Go's decoder says, as in upstream's 400 answers. */
export class DecodeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "DecodeError";
  }
}
