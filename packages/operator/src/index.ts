export * from "./nanopod/arm.ts";
export * from "./nanopod/nanopod.ts";
export * from "./operator.ts";
export type { Pack } from "./pack/pack.ts";
export { renderValues, type ValuesSource } from "./pack/values/values.ts";
