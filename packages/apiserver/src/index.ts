export * from "./request.ts";
export * from "./resources/resource.ts";
export * from "./storage/open-storage.ts";
export * from "./storage/storage.ts";
export * from "./storage/storage-error.ts";
export type { WatchTransform } from "./watch/frame.ts";
export * from "./watch/hub.ts";
export type { WatchQuery } from "./watch/watch.ts";
