export { type Clock, systemClock } from "@podwright/clock";
export type { AdmissionAttributes, AdmissionChain, AdmissionPlugin } from "./admission/admission.ts";
export * from "./admission/default-admission.ts";
export type { Dial } from "./admission/webhooks/endpoint.ts";
export type { ServiceResolver } from "./admission/webhooks/service-resolver.ts";
export * from "./authentication/authenticator.ts";
export * from "./authentication/client-certificates.ts";
export * from "./authentication/service-account-tokens.ts";
export * from "./authentication/service-accounts.ts";
export * from "./authentication/static-tokens.ts";
export * from "./authorization/aggregation.ts";
export * from "./authorization/authorizer.ts";
export * from "./authorization/bootstrap-policy.ts";
export type { PolicyRule } from "./authorization/policy-rule.ts";
export * from "./authorization/rbac.ts";
export * from "./crd/controller.ts";
export * from "./discovery/version.ts";
export * from "./http.ts";
export * from "./kubeconfig.ts";
export * from "./openapi/serve-openapi.ts";
export * from "./pki/pki.ts";
export { type Evaluator, evaluatorFor, isInScopes } from "./quota/evaluators.ts";
export { addResources, equalResources, maskResources, type ResourceList } from "./quota/resource-list.ts";
export * from "./registry/resource-registry.ts";
export * from "./request.ts";
export * from "./resources/native.ts";
export * from "./resources/resource.ts";
export * from "./server.ts";
export * from "./storage/compactor.ts";
export * from "./storage/open-storage.ts";
export * from "./storage/storage.ts";
export * from "./storage/storage-error.ts";
export type {
  ContainerLogsRequest,
  ContainerRequest,
  NodeAnswer,
  NodeConnection,
} from "./subresources/node-connection.ts";
export type { WatchTransform } from "./watch/frame.ts";
export * from "./watch/hub.ts";
export type { WatchQuery } from "./watch/watch.ts";
