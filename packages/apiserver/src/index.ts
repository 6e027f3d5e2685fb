export * from "./request.ts";
export * from "./resources/resource.ts";
export * from "./storage/storage.ts";
