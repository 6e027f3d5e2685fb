export * from "./field-error.ts";
export * from "./object.ts";
export * from "./patch-schema.ts";
export * from "./status.ts";
