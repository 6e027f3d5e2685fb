export {
  freshLabel,
  pausedKey as freshPausedKey,
  policyKey as freshPolicyKey,
  retryKey as freshRetryKey,
  stateKey as freshStateKey,
} from "./fresh/keys.ts";
export type { NodeImages } from "./fresh/node-images.ts";
export type { FreshPartOptions } from "./fresh/part.ts";
export { containerdSocket, type ImageChoice, imageChoices } from "./fresh/sources/find-engine.ts";
export { type FreshState, parseState as parseFreshState } from "./fresh/state.ts";
export * from "./nanopod/arm.ts";
export * from "./nanopod/nanopod.ts";
export * from "./operator.ts";
export type { Pack } from "./pack/pack.ts";
export { renderValues } from "./pack/values/render-values.ts";
export type { ValuesSource } from "./pack/values/values.ts";
