export * from "@podwright/clock";
export * from "./client.ts";
export * from "./connection-config.ts";
export {
  conditionsSchema,
  customResourceDefinition,
  printerColumn,
  untilEstablished,
} from "./custom-resource-definition.ts";
export { NoMatchError } from "./discovery.ts";
export * from "./event-recorder.ts";
export { type ExecCredentialOptions, execCredentials } from "./exec-credential.ts";
export { clientCertificateCredentials, tokenFileCredentials } from "./file-credentials.ts";
export * from "./http-transport.ts";
export * from "./in-cluster.ts";
export * from "./informer.ts";
export * from "./informer-factory.ts";
export * from "./kubeconfig.ts";
export * from "./leader-election.ts";
export * from "./list-watch.ts";
export * from "./logger.ts";
export { type IndexFunction, objectKey, splitKey } from "./object-store.ts";
export { type Occasion, onDemand, whenThereIs } from "./on-demand.ts";
export * from "./query.ts";
export * from "./resource-client.ts";
export * from "./resources.ts";
export { isStatus, responseError } from "./response-status.ts";
export * from "./transport.ts";
export * from "./transport-error.ts";
export * from "./work-queue.ts";
