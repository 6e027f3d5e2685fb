/** Volumes of a pod could not be made. Each message is one for an event of the reason. */
export class VolumeError extends Error {
  override name = "VolumeError";
  readonly reason = "FailedMount";
  readonly messages: readonly string[];

  constructor(messages: readonly string[]) {
    super(messages.join("; "));
    this.messages = messages;
  }
}
