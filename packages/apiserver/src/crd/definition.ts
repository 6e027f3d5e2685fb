import type { JsonObject, KubeObject } from "@podwright/kube";
import type { ClientConfig } from "../admission/webhooks/configuration.ts";

/** A CustomResourceDefinition (apiextensions.k8s.io/v1), as decoded. */
export interface Definition extends KubeObject {
  spec: DefinitionSpec;
  status?: DefinitionStatus;
}

export interface DefinitionSpec {
  group: string;
  names: DefinitionNames;
  scope: string;
  versions: DefinitionVersion[];
  conversion?: Conversion;
  preserveUnknownFields?: boolean;
}

export interface DefinitionNames {
  plural: string;
  singular?: string;
  shortNames?: string[];
  kind: string;
  listKind?: string;
  categories?: string[];
}

export interface DefinitionVersion {
  name: string;
  served: boolean;
  storage: boolean;
  deprecated?: boolean;
  deprecationWarning?: string;
  schema?: { openAPIV3Schema?: JsonObject };
  subresources?: Subresources;
  additionalPrinterColumns?: PrinterColumn[];
  selectableFields?: { jsonPath: string }[];
}

export interface Subresources {
  status?: JsonObject;
  scale?: ScalePaths;
}

/** JSON paths in dot notation: ".spec.replicas". */
export interface ScalePaths {
  specReplicasPath: string;
  statusReplicasPath: string;
  labelSelectorPath?: string;
}

export interface PrinterColumn {
  name: string;
  type: string;
  format?: string;
  description?: string;
  priority?: number;
  jsonPath: string;
}

export interface Conversion {
  strategy: string;
  webhook?: {
    clientConfig?: ClientConfig;
    conversionReviewVersions?: string[];
  };
}

export interface DefinitionStatus {
  conditions?: Condition[] | null;
  acceptedNames?: DefinitionNames;
  storedVersions?: string[] | null;
}

export interface Condition {
  type: string;
  status: "True" | "False" | "Unknown";
  lastTransitionTime?: string | null;
  reason?: string;
  message?: string;
}

/** Keeps a definition until its instances are gone. */
export const cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

export const definitionsPrefix = "/apiextensions.k8s.io/customresourcedefinitions/";

export function findCondition(definition: Definition, type: string): Condition | undefined {
  return definition.status?.conditions?.find((condition) => condition.type === type);
}

export function isConditionTrue(definition: Definition, type: string): boolean {
  return findCondition(definition, type)?.status === "True";
}

/**
 * The conditions with this one in them. Its transition time changes only when its status does
 * (k8s.io/apiextensions-apiserver/pkg/apihelpers/helpers.go, SetCRDCondition).
 *
 * @param now as in metadata: "2026-11-21T10:00:00Z"
 */
export function withCondition(
  conditions: readonly Condition[],
  condition: Omit<Condition, "lastTransitionTime">,
  now: string,
): Condition[] {
  const { type, status, reason, message } = condition;
  const index = conditions.findIndex((each) => each.type === type);
  const old = conditions[index];
  const lastTransitionTime = old?.status === status ? (old.lastTransitionTime ?? now) : now;
  const next: Condition = {
    type,
    status,
    lastTransitionTime,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  };
  return index < 0 ? [...conditions, next] : conditions.with(index, next);
}

export function storageVersion(spec: DefinitionSpec): string | undefined {
  return spec.versions?.find((version) => version.storage)?.name;
}
