/**
 * The group versions of native kinds, whose protobuf can be read here: those of the type table of @podwright/kube,
 * written down so that asking does not load it. A server may have others under the same API groups (custom resources,
 * metrics, betas).
 */
const nativeGroupVersions: ReadonlySet<string> = new Set([
  "v1",
  "admissionregistration.k8s.io/v1",
  "apiextensions.k8s.io/v1",
  "apiregistration.k8s.io/v1",
  "apps/v1",
  "authentication.k8s.io/v1",
  "authorization.k8s.io/v1",
  "autoscaling/v1",
  "autoscaling/v2",
  "batch/v1",
  "certificates.k8s.io/v1",
  "coordination.k8s.io/v1",
  "discovery.k8s.io/v1",
  "events.k8s.io/v1",
  "flowcontrol.apiserver.k8s.io/v1",
  "networking.k8s.io/v1",
  "node.k8s.io/v1",
  "policy/v1",
  "rbac.authorization.k8s.io/v1",
  "resource.k8s.io/v1",
  "scheduling.k8s.io/v1",
  "storage.k8s.io/v1",
]);

/** Whether the kinds of a group version ("v1", "apps/v1") are Kubernetes' own. */
export function isNative(apiVersion: string): boolean {
  return nativeGroupVersions.has(apiVersion);
}
