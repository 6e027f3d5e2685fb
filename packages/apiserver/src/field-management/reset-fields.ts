import { excludeFields, FieldSet, type FieldSetFilter, includeFields } from "@podwright/kube";
import type { Resource } from "../resources/resource.ts";

/**
 * What the strategy of a resource or subresource resets: nobody comes to manage it by a write that loses it
 * (GetResetFields of k8s.io/kubernetes/pkg/registry). Undefined: nothing.
 */
export function resetFields(resource: Resource, subresource: string): FieldSetFilter | undefined {
  const fields = resource.custom ? ofCustom(resource, subresource) : ofNative(resource, subresource);
  if (fields === undefined) return undefined;
  return typeof fields === "function" ? fields : excludeFields(FieldSet.ofPaths(...fields));
}

/** Those of them that are whole fields of a native object: "spec", "status". */
export function resetParts(resource: Resource, subresource: string): string[] {
  const fields = resource.custom ? undefined : ofNative(resource, subresource);
  return Array.isArray(fields) ? fields.filter((field) => !field.includes(".")) : [];
}

function ofCustom({ subresources }: Resource, subresource: string): string[] | undefined {
  if (!subresources.some(({ name }) => name === "status")) return undefined;
  return subresource === "" ? ["status"] : subresource === "status" ? ["spec"] : undefined;
}

function ofNative({ plural, subresources }: Resource, subresource: string): string[] | FieldSetFilter | undefined {
  const special = specials[subresource === "" ? plural : `${plural}/${subresource}`];
  if (special !== undefined) return special === "none" ? undefined : special;
  if (subresource === "") return subresources.some(({ name }) => name === "status") ? ["status"] : undefined;
  return subresource === "status" ? ["spec"] : undefined;
}

const specAndMetadata = ["spec", "metadata"];

const specials: Readonly<Record<string, string[] | FieldSetFilter | "none">> = {
  certificatesigningrequests: ["spec", "status"],
  "certificatesigningrequests/status": ["spec", "status.conditions"],
  "certificatesigningrequests/approval": ["spec", "status.certificate"],
  "deployments/status": ["spec", "metadata.labels"],
  "namespaces/finalize": ["status"],
  "pods/status": ["spec", "metadata.deletionTimestamp", "metadata.ownerReferences"],
  "pods/ephemeralcontainers": includeFields(["spec", "ephemeralContainers"]),
  "pods/resize": includeFields(
    ["spec", "containers", "*", "resources"],
    ["spec", "containers", "*", "resizePolicy"],
    ["spec", "initContainers", "*", "resources"],
    ["spec", "initContainers", "*", "resizePolicy"],
  ),
  podcertificaterequests: "none",
  // Upstream has them under a group that is none.
  servicecidrs: "none",
  "servicecidrs/status": "none",
  "apiservices/status": specAndMetadata,
  "customresourcedefinitions/status": specAndMetadata,
  "devicetaintrules/status": specAndMetadata,
  "flowschemas/status": specAndMetadata,
  "prioritylevelconfigurations/status": specAndMetadata,
  "resourceclaims/status": specAndMetadata,
  "storageversionmigrations/status": specAndMetadata,
  "storageversions/status": specAndMetadata,
  "validatingadmissionpolicies/status": specAndMetadata,
  "volumeattachments/status": specAndMetadata,
};
