import { type FieldError, fieldError, isDns1123Label, type KubeObject } from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import { equalJson } from "../resources/equal.ts";
import { type Errors, each, invalid, nonNegative, optionalOneOf } from "./field-checks.ts";
import { type NativeKind, podTemplateOf, type Struct } from "./kind.ts";
import { dnsLabelName } from "./names.ts";
import { persistentVolumeClaimSpec } from "./persistent-volume-claim-validation.ts";
import { podTemplate } from "./pod/spec-validation.ts";
import { workloadScale } from "./scale.ts";
import { containerCells, containersColumn, imagesColumn } from "./workload-columns.ts";
import {
  alwaysRestarts,
  atMost100Percent,
  collisionCountGrows,
  intOrPercent,
  intOrPercentValue,
  statusCounts,
  templateMatches,
  workloadSelector,
} from "./workload-validation.ts";

/** What of the spec may change. */
const updatable = [
  "replicas",
  "template",
  "updateStrategy",
  "minReadySeconds",
  "ordinals",
  "revisionHistoryLimit",
  "persistentVolumeClaimRetentionPolicy",
];

export const statefulSet: NativeKind = {
  defaults: {
    "io.k8s.api.apps.v1.StatefulSet": ({ spec }) => {
      spec.podManagementPolicy ||= "OrderedReady";
      spec.updateStrategy ??= {};
      const strategy = spec.updateStrategy;
      if (!strategy.type) {
        strategy.type = "RollingUpdate";
        strategy.rollingUpdate ??= {};
      }
      if (strategy.type === "RollingUpdate" && strategy.rollingUpdate !== undefined) {
        strategy.rollingUpdate.partition ??= 0;
      }
      spec.persistentVolumeClaimRetentionPolicy ??= {};
      spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= "Retain";
      spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= "Retain";
      spec.replicas ??= 1;
      spec.revisionHistoryLimit ??= 10;
      // Claims of templates are written as if they had been read as claims themselves.
      for (const claim of spec.volumeClaimTemplates ?? []) {
        claim.apiVersion ||= "v1";
        claim.kind ||= "PersistentVolumeClaim";
      }
    },
  },
  hasGeneration: true,
  scale: workloadScale,
  prepareForCreate: withoutMaxUnavailable,
  prepareForUpdate: withoutMaxUnavailable,
  validateName: dnsLabelName,
  validate: (object) => validateStatefulSet(object, true),
  validateUpdate(object, old) {
    const errors = validateStatefulSet(object, false);
    const rest = { ...object["spec"] };
    for (const field of updatable) {
      if (old["spec"][field] === undefined) delete rest[field];
      else rest[field] = old["spec"][field];
    }
    if (!equalJson(rest, old["spec"])) {
      const fields = "'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', ";
      const detail = `updates to statefulset spec for fields other than ${fields}'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden`;
      errors.push(fieldError.forbidden("spec", detail));
    }
    return errors;
  },
  validateStatusUpdate(object, old) {
    const parts = ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"];
    const counts = ["replicas", ...parts, "observedGeneration", "collisionCount"];
    const errors = statusCounts(object, counts, parts, "status.readyReplicas");
    collisionCountGrows(errors, object, old);
    return errors;
  },
  table: {
    columns: [
      nameColumn,
      column("Ready", "Ready pods of the desired ones."),
      ageColumn,
      containersColumn,
      imagesColumn,
    ],
    cells: (object, nowMs) => [
      object.metadata.name ?? "",
      `${object["status"]?.readyReplicas ?? 0}/${object["spec"]?.replicas ?? 0}`,
      age(object, nowMs),
      ...containerCells(podTemplateOf(object)),
    ],
  },
};

/** @param isNew what cannot change is not checked again. */
function validateStatefulSet(object: KubeObject, isNew: boolean): FieldError[] {
  const errors: Errors = [];
  const spec: Struct = object["spec"];
  if (!["OrderedReady", "Parallel"].includes(spec["podManagementPolicy"])) {
    const detail = "must be 'OrderedReady' or 'Parallel'";
    errors.push(fieldError.invalid("spec.podManagementPolicy", spec["podManagementPolicy"], detail));
  }
  updateStrategy(errors, spec["updateStrategy"] ?? {});
  for (const field of ["whenDeleted", "whenScaled"]) {
    const path = `spec.persistentVolumeClaimRetentionPolicy.${field}`;
    optionalOneOf(errors, path, spec["persistentVolumeClaimRetentionPolicy"]?.[field], ["Retain", "Delete"]);
  }
  const claims: Struct[] = spec["volumeClaimTemplates"] ?? [];
  if (isNew) {
    each(claims, "spec.volumeClaimTemplates", (claim, at) =>
      persistentVolumeClaimSpec(errors, `${at}.spec`, claim["spec"] ?? {}),
    );
  }
  nonNegative(errors, "spec.replicas", spec["replicas"]);
  nonNegative(errors, "spec.minReadySeconds", spec["minReadySeconds"]);
  nonNegative(errors, "spec.ordinals.start", spec["ordinals"]?.start);
  if (isNew && spec["serviceName"]) {
    invalid(errors, "spec.serviceName", spec["serviceName"], isDns1123Label(spec["serviceName"]));
  }
  workloadSelector(errors, spec["selector"], "statefulset");
  if (templateMatches(errors, object, true))
    podTemplate(errors, "spec.template", withClaims(podTemplateOf(object), claims));
  else errors.push(fieldError.invalid("spec.selector", spec["selector"], ""));
  alwaysRestarts(errors, object, "StatefulSet");
  return errors;
}

/** The template as its pods will have it: a volume for each claim, and names that the controller gives. */
function withClaims(template: Struct, claims: Struct[]): Struct {
  const { subdomain: _, hostname: __, ...spec }: Struct = template["spec"] ?? {};
  const names = new Set(claims.map((claim) => claim["metadata"]?.name));
  const volumes = [...names].map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  const others = (spec["volumes"] ?? []).filter(({ name }: Struct) => !names.has(name));
  return { ...template, spec: claims.length === 0 ? spec : { ...spec, volumes: [...volumes, ...others] } };
}

function updateStrategy(errors: Errors, strategy: Struct): void {
  const path = "spec.updateStrategy";
  const rollingUpdate: Struct | undefined = strategy["rollingUpdate"];
  if (strategy["type"] === "OnDelete") {
    if (rollingUpdate === undefined) return;
    const detail = "only allowed for updateStrategy 'RollingUpdate'";
    errors.push(fieldError.invalid(`${path}.rollingUpdate`, rollingUpdate, detail));
  } else if (strategy["type"] !== "RollingUpdate") {
    errors.push(fieldError.invalid(path, strategy, "must be 'RollingUpdate' or 'OnDelete'"));
  } else if (rollingUpdate !== undefined) {
    nonNegative(errors, `${path}.rollingUpdate.partition`, rollingUpdate["partition"]);
    const { maxUnavailable } = rollingUpdate;
    if (maxUnavailable === undefined) return;
    const at = `${path}.rollingUpdate.maxUnavailable`;
    intOrPercent(errors, at, maxUnavailable);
    if (intOrPercentValue(maxUnavailable) === 0) errors.push(fieldError.invalid(at, maxUnavailable, "cannot be 0"));
    atMost100Percent(errors, at, maxUnavailable);
  }
}

/** It is behind a feature gate that is off by default. */
function withoutMaxUnavailable(object: KubeObject): void {
  delete object["spec"].updateStrategy?.rollingUpdate?.maxUnavailable;
}
