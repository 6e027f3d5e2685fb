import type { Container, Pod } from "../../../kinds.ts";
import { expandVariables } from "../../environment/expansion.ts";
import { type CommandOutcome, commandOutcome } from "./command.ts";
import { literalEnvironment } from "./literal-environment.ts";

/** As far as it can be told from the pod alone: for containers that an agent before this one started. */
export function knownOutcome(pod: Pod, container: Container): { outcome: CommandOutcome; env: Record<string, string> } {
  const env = literalEnvironment(pod, container);
  const words = [...(container.command ?? []), ...(container.args ?? [])];
  const outcome = commandOutcome(
    words.map((word) => expandVariables(word, env)),
    env,
  );
  return { outcome, env };
}
