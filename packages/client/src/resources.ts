import { formatApiVersion } from "@podwright/kube/object";

/** What one needs to know of a resource to talk about its objects. */
export interface ResourceRef {
  /** "" for core. */
  group: string;
  version: string;
  /** The plural, as in paths: "deployments". */
  resource: string;
  kind: string;
  namespaced: boolean;
}

function ref(apiVersion: string, resource: string, kind: string, scope: "namespaced" | "cluster"): ResourceRef {
  const slash = apiVersion.indexOf("/");
  return Object.freeze({
    group: slash < 0 ? "" : apiVersion.slice(0, slash),
    version: apiVersion.slice(slash + 1),
    resource,
    kind,
    namespaced: scope === "namespaced",
  });
}

/** "apps/v1" of a resource. */
export function apiVersionOf(resource: ResourceRef): string {
  return formatApiVersion(resource.group, resource.version);
}

export const pods = ref("v1", "pods", "Pod", "namespaced");
export const podTemplates = ref("v1", "podtemplates", "PodTemplate", "namespaced");
export const replicationControllers = ref("v1", "replicationcontrollers", "ReplicationController", "namespaced");
export const nodes = ref("v1", "nodes", "Node", "cluster");
export const namespaces = ref("v1", "namespaces", "Namespace", "cluster");
export const services = ref("v1", "services", "Service", "namespaced");
export const endpoints = ref("v1", "endpoints", "Endpoints", "namespaced");
export const configMaps = ref("v1", "configmaps", "ConfigMap", "namespaced");
export const secrets = ref("v1", "secrets", "Secret", "namespaced");
export const serviceAccounts = ref("v1", "serviceaccounts", "ServiceAccount", "namespaced");
export const events = ref("v1", "events", "Event", "namespaced");
export const limitRanges = ref("v1", "limitranges", "LimitRange", "namespaced");
export const resourceQuotas = ref("v1", "resourcequotas", "ResourceQuota", "namespaced");
export const persistentVolumes = ref("v1", "persistentvolumes", "PersistentVolume", "cluster");
export const persistentVolumeClaims = ref("v1", "persistentvolumeclaims", "PersistentVolumeClaim", "namespaced");

export const deployments = ref("apps/v1", "deployments", "Deployment", "namespaced");
export const replicaSets = ref("apps/v1", "replicasets", "ReplicaSet", "namespaced");
export const statefulSets = ref("apps/v1", "statefulsets", "StatefulSet", "namespaced");
export const daemonSets = ref("apps/v1", "daemonsets", "DaemonSet", "namespaced");
export const controllerRevisions = ref("apps/v1", "controllerrevisions", "ControllerRevision", "namespaced");
export const jobs = ref("batch/v1", "jobs", "Job", "namespaced");
export const cronJobs = ref("batch/v1", "cronjobs", "CronJob", "namespaced");
export const horizontalPodAutoscalers = ref(
  "autoscaling/v2",
  "horizontalpodautoscalers",
  "HorizontalPodAutoscaler",
  "namespaced",
);
export const podDisruptionBudgets = ref("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", "namespaced");

export const leases = ref("coordination.k8s.io/v1", "leases", "Lease", "namespaced");
export const endpointSlices = ref("discovery.k8s.io/v1", "endpointslices", "EndpointSlice", "namespaced");
export const ingresses = ref("networking.k8s.io/v1", "ingresses", "Ingress", "namespaced");
export const ingressClasses = ref("networking.k8s.io/v1", "ingressclasses", "IngressClass", "cluster");
export const networkPolicies = ref("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy", "namespaced");
export const priorityClasses = ref("scheduling.k8s.io/v1", "priorityclasses", "PriorityClass", "cluster");
export const storageClasses = ref("storage.k8s.io/v1", "storageclasses", "StorageClass", "cluster");
export const csiNodes = ref("storage.k8s.io/v1", "csinodes", "CSINode", "cluster");
export const runtimeClasses = ref("node.k8s.io/v1", "runtimeclasses", "RuntimeClass", "cluster");

export const roles = ref("rbac.authorization.k8s.io/v1", "roles", "Role", "namespaced");
export const roleBindings = ref("rbac.authorization.k8s.io/v1", "rolebindings", "RoleBinding", "namespaced");
export const clusterRoles = ref("rbac.authorization.k8s.io/v1", "clusterroles", "ClusterRole", "cluster");
export const clusterRoleBindings = ref(
  "rbac.authorization.k8s.io/v1",
  "clusterrolebindings",
  "ClusterRoleBinding",
  "cluster",
);
export const certificateSigningRequests = ref(
  "certificates.k8s.io/v1",
  "certificatesigningrequests",
  "CertificateSigningRequest",
  "cluster",
);

export const customResourceDefinitions = ref(
  "apiextensions.k8s.io/v1",
  "customresourcedefinitions",
  "CustomResourceDefinition",
  "cluster",
);
export const mutatingWebhookConfigurations = ref(
  "admissionregistration.k8s.io/v1",
  "mutatingwebhookconfigurations",
  "MutatingWebhookConfiguration",
  "cluster",
);
export const validatingWebhookConfigurations = ref(
  "admissionregistration.k8s.io/v1",
  "validatingwebhookconfigurations",
  "ValidatingWebhookConfiguration",
  "cluster",
);
export const apiServices = ref("apiregistration.k8s.io/v1", "apiservices", "APIService", "cluster");

/** A piece of pod template that is merged into the pods that ask for it. */
export const nanoPods = ref("nanopod.nanopod.treezh.cn/v1", "nanopods", "NanoPod", "namespaced");

/** A helm chart kept installed, and where charts come from. */
export const packs = ref("k8s.kubit.ir/v1alpha1", "packs", "Pack", "namespaced");
export const packRepositories = ref("k8s.kubit.ir/v1alpha1", "packrepositories", "PackRepository", "namespaced");
export const clusterPackRepositories = ref(
  "k8s.kubit.ir/v1alpha1",
  "clusterpackrepositories",
  "ClusterPackRepository",
  "cluster",
);
/** Copies Secrets and ConfigMaps of its namespace into other namespaces. */
export const secretReflectors = ref("k8s.kubit.ir/v1alpha1", "secretreflectors", "SecretReflector", "namespaced");

/** Who may have pods made by the pod service. */
export const tenants = ref("podwright.dev/v1alpha1", "tenants", "Tenant", "cluster");

/** Which images a node has. */
export const nodeImages = ref("podwright.dev/v1alpha1", "nodeimages", "NodeImages", "cluster");
