import type { KubeObject } from "@podwright/kube";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import type { Lister } from "../lister.ts";
import { isCore, refuse } from "../refusal.ts";
import { checkSecretReferences, referencesSecrets } from "./secret-references.ts";

const volumePrefix = "kube-api-access-";
const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
const mirrorAnnotation = "kubernetes.io/config.mirror";
/** Upstream's WarnOnlyBoundTokenExpirationSeconds: an hour, and the seconds that tell such tokens from asked-for ones. */
const tokenSeconds = 3607;

/** Upstream looks ten times, 100 to 200 ms apart. */
const defaultWaitMs = 1_500;

interface Container {
  name: string;
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean }[];
}
interface PodSpec {
  serviceAccountName?: string;
  serviceAccount?: string;
  automountServiceAccountToken?: boolean;
  imagePullSecrets?: { name?: string }[];
  initContainers?: Container[];
  containers?: Container[];
  volumes?: { name: string; [source: string]: unknown }[];
}

/**
 * Gives a pod its service account, the account's pull secrets, and a token in every container
 * (k8s.io/kubernetes/plugin/pkg/admission/serviceaccount/admission.go).
 *
 * @param randomSuffix five characters for the name of the token's volume
 */
export function serviceAccount(serviceAccounts: Lister, randomSuffix: () => string): AdmissionPlugin {
  /** Of the pod; throws when it is not there. A new namespace's `default` is waited for, as upstream does. */
  async function accountOf(attributes: AdmissionAttributes, name: string): Promise<KubeObject> {
    const key = `//serviceaccounts/${attributes.namespace}/${name}`;
    const account =
      serviceAccounts.get(key) ?? (name === "default" ? await serviceAccounts.waitFor(key, defaultWaitMs) : undefined);
    if (account === undefined) {
      const which = `${attributes.namespace}/${name}`;
      throw refuse(attributes, `error looking up service account ${which}: serviceaccount "${name}" not found`);
    }
    return account;
  }

  const plugin: AdmissionPlugin = {
    name: "ServiceAccount",
    handles: (attributes) => attributes.operation === "CREATE" && isCore(attributes, "pods"),
    async mutate(attributes) {
      const { object } = attributes;
      const spec = object?.["spec"] as PodSpec | undefined;
      if (object === undefined || spec === undefined || isMirror(object)) return;
      spec.serviceAccountName ||= "default";
      spec.serviceAccount = spec.serviceAccountName;
      const account = await accountOf(attributes, spec.serviceAccountName);
      if (spec.automountServiceAccountToken ?? account["automountServiceAccountToken"] ?? true) {
        mountToken(spec, randomSuffix);
      }
      const pullSecrets = account["imagePullSecrets"] as { name?: string }[] | undefined;
      if ((spec.imagePullSecrets ?? []).length === 0 && pullSecrets !== undefined && pullSecrets.length > 0) {
        spec.imagePullSecrets = pullSecrets.map(({ name }) => (name === undefined ? {} : { name }));
      }
    },
    async validate(attributes) {
      const { object } = attributes;
      const spec = object?.["spec"] as PodSpec | undefined;
      if (object === undefined || spec === undefined) return;
      if (isMirror(object)) {
        checkMirror(attributes, spec);
        return;
      }
      if (!spec.serviceAccountName) {
        const pod = `${attributes.namespace}/${object.metadata.name ?? ""}`;
        throw refuse(attributes, `no service account specified for pod ${pod}`);
      }
      const account = await accountOf(attributes, spec.serviceAccountName);
      if (enforcesMountableSecrets(account)) {
        const problem = checkSecretReferences(account, object);
        if (problem !== undefined) throw refuse(attributes, problem);
      }
    },
  };
  return plugin;
}

function mountToken(spec: PodSpec, randomSuffix: () => string): void {
  const existing = spec.volumes?.find((volume) => volume.name.startsWith(volumePrefix));
  const name = existing?.name ?? volumePrefix + randomSuffix();
  let mounted = false;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    if (container.volumeMounts?.some((mount) => mount.mountPath === mountPath)) continue;
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath }];
    mounted = true;
  }
  if (existing === undefined && mounted) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
}

function tokenVolume(name: string): { name: string; projected: unknown } {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: tokenSeconds, path: "token" } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        {
          downwardAPI: {
            items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
          },
        },
      ],
      defaultMode: 420,
    },
  };
}

function isMirror(pod: KubeObject): boolean {
  return pod.metadata.annotations?.[mirrorAnnotation] !== undefined;
}

function checkMirror(attributes: AdmissionAttributes, spec: PodSpec): void {
  if (spec.serviceAccountName) throw refuse(attributes, "a mirror pod may not reference service accounts");
  if (attributes.object !== undefined && referencesSecrets(attributes.object)) {
    throw refuse(attributes, "a mirror pod may not reference secrets");
  }
  for (const volume of spec.volumes ?? []) {
    const projected = volume["projected"] as { sources?: Record<string, unknown>[] } | undefined;
    if (projected?.sources?.some((source) => source["serviceAccountToken"] !== undefined)) {
      throw refuse(attributes, "a mirror pod may not use ServiceAccountToken volume projections");
    }
  }
}

function enforcesMountableSecrets(account: KubeObject): boolean {
  const value = account.metadata.annotations?.["kubernetes.io/enforce-mountable-secrets"];
  return value !== undefined && ["1", "t", "T", "true", "TRUE", "True"].includes(value);
}
