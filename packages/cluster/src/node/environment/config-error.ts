/** A container cannot be configured: its waiting reason and message, as upstream words them. */
export class ContainerConfigError extends Error {
  override name = "ContainerConfigError";
  readonly reason = "CreateContainerConfigError";
}
