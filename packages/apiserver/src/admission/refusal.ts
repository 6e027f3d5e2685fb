import { type StatusError, status } from "@podwright/kube";
import type { AdmissionAttributes } from "./admission.ts";

/**
 * The 403 of an in-tree plugin: about the object's name, or its generateName while it has none
 * (k8s.io/apiserver/pkg/admission/errors.go, NewForbidden).
 */
export function refuse(attributes: AdmissionAttributes, message: string): StatusError {
  const metadata = attributes.object?.metadata;
  const name = attributes.name || metadata?.name || metadata?.generateName || "Unknown";
  return status.forbidden({ group: attributes.resource.group, resource: attributes.resource.plural }, name, message);
}

/** Is the request about this resource of the core group, and not about a subresource? */
export function isCore(attributes: AdmissionAttributes, plural: string): boolean {
  const { resource } = attributes;
  return resource.group === "" && resource.plural === plural && attributes.subresource === "";
}
