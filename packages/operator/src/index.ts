export * from "./nanopod/arm.ts";
export * from "./nanopod/nanopod.ts";
export * from "./operator.ts";
