import type { StructDefaults } from "../../resources/defaulting.ts";
import type { Struct } from "../kind.ts";
import { imageTag } from "./image-reference.ts";

/** Defaults of what pods and pod templates are made of (k8s.io/kubernetes/pkg/apis/core/v1/defaults.go). */
export const podTemplateDefaults: StructDefaults = {
  "io.k8s.api.core.v1.PodSpec": (spec) => {
    spec["dnsPolicy"] ||= "ClusterFirst";
    spec["restartPolicy"] ||= "Always";
    spec["securityContext"] ??= {};
    spec["terminationGracePeriodSeconds"] ??= 30;
    spec["schedulerName"] ||= "default-scheduler";
    // serviceAccount is the old name of serviceAccountName: it is read when the new one is missing, both are written.
    const account = spec["serviceAccountName"] || spec["serviceAccount"];
    if (account) {
      spec["serviceAccountName"] = account;
      spec["serviceAccount"] = account;
    }
  },
  "io.k8s.api.core.v1.Container": containerDefaults,
  "io.k8s.api.core.v1.EphemeralContainer": containerDefaults,
  "io.k8s.api.core.v1.Probe": (probe) => {
    probe["timeoutSeconds"] ||= 1;
    probe["periodSeconds"] ||= 10;
    probe["successThreshold"] ||= 1;
    probe["failureThreshold"] ||= 3;
  },
  "io.k8s.api.core.v1.HTTPGetAction": (action) => {
    action["path"] ||= "/";
    action["scheme"] ||= "HTTP";
  },
  "io.k8s.api.core.v1.ObjectFieldSelector": (selector) => {
    selector["apiVersion"] ||= "v1";
  },
  "io.k8s.api.core.v1.Volume": (volume) => {
    if (Object.keys(volume).every((field) => field === "name")) volume["emptyDir"] = {};
    if (volume["image"] !== undefined && !volume["image"].pullPolicy) {
      volume["image"].pullPolicy = pullPolicy(volume["image"].reference);
    }
  },
  "io.k8s.api.core.v1.SecretVolumeSource": fileModeDefault,
  "io.k8s.api.core.v1.ConfigMapVolumeSource": fileModeDefault,
  "io.k8s.api.core.v1.DownwardAPIVolumeSource": fileModeDefault,
  "io.k8s.api.core.v1.ProjectedVolumeSource": fileModeDefault,
  "io.k8s.api.core.v1.ServiceAccountTokenProjection": (projection) => {
    projection["expirationSeconds"] ??= 3600;
  },
  "io.k8s.api.core.v1.HostPathVolumeSource": (source) => {
    source["type"] ??= "";
  },
  "io.k8s.api.core.v1.PersistentVolumeClaimSpec": (spec) => {
    spec["volumeMode"] ??= "Filesystem";
  },
};

function containerDefaults(container: Struct): void {
  container["imagePullPolicy"] ||= pullPolicy(container["image"]);
  container["terminationMessagePath"] ||= "/dev/termination-log";
  container["terminationMessagePolicy"] ||= "File";
}

function pullPolicy(image: string | undefined): string {
  return imageTag(image ?? "") === "latest" ? "Always" : "IfNotPresent";
}

function fileModeDefault(source: Struct): void {
  source["defaultMode"] ??= 0o644;
}
