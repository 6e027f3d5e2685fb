export { ConfigError, defaultConfig, readConfig, type ServiceConfig } from "./config.ts";
export { type PodService, type PodServiceOptions, startPodService } from "./service.ts";
export { tenantCrd } from "./tenants/crd.ts";
