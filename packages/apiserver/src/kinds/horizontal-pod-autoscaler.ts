import { type FieldError, fieldError, isPathSegmentName, type KubeObject } from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import type { TableConvertor } from "../resources/resource.ts";
import { type Errors, requiredAnd } from "./field-checks.ts";
import { hpaFromV2, hpaToV2 } from "./horizontal-pod-autoscaler-v1.ts";
import type { NativeKind, Struct } from "./kind.ts";

const shownMetrics = 2;

const table: TableConvertor = {
  columns: [
    nameColumn,
    column("Reference", "What is scaled."),
    column("Targets", "Metrics: current and wanted."),
    column("MinPods", "The fewest replicas."),
    column("MaxPods", "The most replicas."),
    column("Replicas", "Current replicas."),
    ageColumn,
  ],
  cells(object, nowMs) {
    const { spec = {}, status = {} } = hpaToV2(object);
    return [
      object.metadata.name ?? "",
      `${spec.scaleTargetRef?.kind ?? ""}/${spec.scaleTargetRef?.name ?? ""}`,
      metrics(spec.metrics ?? [], status.currentMetrics ?? []),
      spec.minReplicas === undefined ? "<unset>" : String(spec.minReplicas),
      spec.maxReplicas ?? 0,
      status.currentReplicas ?? 0,
      age(object, nowMs),
    ];
  },
};

/** autoscaling/v2, which is also the form that is stored. */
export const horizontalPodAutoscaler: NativeKind = {
  defaults: {
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler": ({ spec }) => {
      spec.minReplicas ??= 1;
      if (!spec.metrics?.length) {
        const target = { type: "Utilization", averageUtilization: 80 };
        spec.metrics = [{ type: "Resource", resource: { name: "cpu", target } }];
      }
      if (spec.behavior === undefined) return;
      spec.behavior.scaleUp = {
        stabilizationWindowSeconds: 0,
        selectPolicy: "Max",
        policies: [
          { type: "Pods", value: 4, periodSeconds: 15 },
          { type: "Percent", value: 100, periodSeconds: 15 },
        ],
        ...spec.behavior.scaleUp,
      };
      spec.behavior.scaleDown = {
        selectPolicy: "Max",
        policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
        ...spec.behavior.scaleDown,
      };
    },
  },
  validate: validateAutoscaler,
  table,
};

/** autoscaling/v1: another form of the same objects. */
export const horizontalPodAutoscalerV1: NativeKind = {
  defaults: {
    "io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler": ({ spec }) => {
      spec.minReplicas ??= 1;
    },
  },
  validate: (object) => validateAutoscaler(hpaToV2(object)),
  table,
  storage: { group: "autoscaling", plural: "horizontalpodautoscalers" },
  conversion: { toStorage: hpaToV2, fromStorage: hpaFromV2 },
};

function metrics(specs: Struct[], statuses: Struct[]): string {
  if (specs.length === 0) return "<none>";
  const texts = specs.map((spec, index) => metric(spec, statuses[index]));
  const more = texts.length > shownMetrics ? ` + ${texts.length - shownMetrics} more...` : "";
  return texts.slice(0, shownMetrics).join(", ") + more;
}

function metric(spec: Struct, status: Struct | undefined): string {
  const source = {
    External: "external",
    Pods: "pods",
    Object: "object",
    Resource: "resource",
    ContainerResource: "containerResource",
  }[spec["type"] as string];
  if (source === undefined) return "<unknown type>";
  const target: Struct = spec[source]?.target ?? {};
  const current: Struct = status?.[source]?.current ?? {};
  if (source === "resource" || source === "containerResource") {
    const name = spec[source]?.name ?? "";
    if (target["averageValue"] !== undefined)
      return `${name}: ${current["averageValue"] ?? "<unknown>"}/${target["averageValue"]}`;
    const percent = (value: number | undefined, missing: string) => (value === undefined ? missing : `${value}%`);
    return `${name}: ${percent(current["averageUtilization"], "<unknown>")}/${percent(target["averageUtilization"], "<auto>")}`;
  }
  if (source === "pods") return `${current["averageValue"] ?? "<unknown>"}/${target["averageValue"] ?? "0"}`;
  if (target["averageValue"] !== undefined)
    return `${current["averageValue"] ?? "<unknown>"}/${target["averageValue"]} (avg)`;
  return `${current["value"] ?? "<unknown>"}/${target["value"] ?? "0"}`;
}

function validateAutoscaler(object: KubeObject): FieldError[] {
  const errors: Errors = [];
  const { minReplicas, maxReplicas = 0, scaleTargetRef = {}, metrics = [] }: Struct = object["spec"];
  if (minReplicas !== undefined && minReplicas < 1) {
    errors.push(fieldError.invalid("spec.minReplicas", minReplicas, "must be greater than or equal to 1"));
  }
  if (maxReplicas < 1) errors.push(fieldError.invalid("spec.maxReplicas", maxReplicas, "must be greater than 0"));
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    const detail = "must be greater than or equal to `minReplicas`";
    errors.push(fieldError.invalid("spec.maxReplicas", maxReplicas, detail));
  }
  for (const field of ["kind", "name"]) {
    requiredAnd(errors, `spec.scaleTargetRef.${field}`, scaleTargetRef[field], (name) => isPathSegmentName(name));
  }
  if (minReplicas === 0 && !metrics.some(({ type }: Struct) => type === "Object" || type === "External")) {
    const detail = "must specify at least one Object or External metric to support scaling to zero replicas";
    errors.push(fieldError.forbidden("spec.metrics", detail));
  }
  return errors;
}
