import { createGarbageCollector } from "./garbage-collector/controller.ts";
import { createNamespaceController } from "./namespace.ts";
import { createEndpointsController } from "./endpoints/endpoints.ts"; import { createEndpointSliceController } from "./endpoints/endpoint-slices.ts";
export const extra = (ctx: any) => [createGarbageCollector(ctx("garbage-collector-controller")), createNamespaceController(ctx("namespace-controller")), createEndpointsController(ctx("e")), createEndpointSliceController(ctx("es"))];
