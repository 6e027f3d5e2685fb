import { createGarbageCollector } from "./garbage-collector/controller.ts";
import { createNamespaceController } from "./namespace.ts";
export const extra = (ctx: any) => [createGarbageCollector(ctx("garbage-collector-controller")), createNamespaceController(ctx("namespace-controller"))];
