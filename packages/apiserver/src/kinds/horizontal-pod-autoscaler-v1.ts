import type { KubeObject } from "@podwright/kube";
import type { Struct } from "./kind.ts";

/*
 * autoscaling/v1 has a field for the CPU target alone. Its other metrics, behaviour and conditions travel in
 * annotations, as JSON (k8s.io/kubernetes/pkg/apis/autoscaling/v1/conversion.go).
 */

const metricsAnnotation = "autoscaling.alpha.kubernetes.io/metrics";
const currentMetricsAnnotation = "autoscaling.alpha.kubernetes.io/current-metrics";
const conditionsAnnotation = "autoscaling.alpha.kubernetes.io/conditions";
const behaviorAnnotation = "autoscaling.alpha.kubernetes.io/behavior";
const annotationNames = [metricsAnnotation, currentMetricsAnnotation, conditionsAnnotation, behaviorAnnotation];

/** The autoscaler as autoscaling/v2; given one of v2, the same. */
export function hpaToV2(object: KubeObject): KubeObject {
  if (object.apiVersion !== "autoscaling/v1") return object;
  const { targetCPUUtilizationPercentage: cpu, ...spec }: Struct = object["spec"] ?? {};
  const { currentCPUUtilizationPercentage: currentCpu, currentReplicas, ...status }: Struct = object["status"] ?? {};
  const annotations = { ...object.metadata.annotations };
  const read = (name: string) => readJson(annotations[name]);

  const metrics: Struct[] = read(metricsAnnotation) ?? [];
  const currentMetrics: Struct[] = read(currentMetricsAnnotation) ?? [];
  if (cpu !== undefined) metrics.push(cpuMetric("target", { type: "Utilization", averageUtilization: cpu }));
  if (currentCpu !== undefined) currentMetrics.push(cpuMetric("current", { averageUtilization: currentCpu }));
  if (metrics.length === 0) metrics.push(cpuMetric("target", { type: "Utilization", averageUtilization: 80 }));
  const behavior = read(behaviorAnnotation);
  const conditions = read(conditionsAnnotation);
  for (const name of annotationNames) delete annotations[name];

  return {
    ...object,
    apiVersion: "autoscaling/v2",
    metadata: withAnnotations(object, annotations),
    spec: {
      ...spec,
      metrics,
      ...(behavior !== undefined && { behavior }),
    },
    status: {
      ...(currentReplicas ? { currentReplicas } : {}),
      desiredReplicas: 0,
      ...status,
      ...(conditions !== undefined && { conditions }),
      currentMetrics: currentMetrics.length > 0 ? currentMetrics : null,
    },
  };
}

/** The autoscaler as autoscaling/v1. */
export function hpaFromV2(object: KubeObject): KubeObject {
  if (object.apiVersion === "autoscaling/v1") return object;
  const { metrics = [], behavior, ...spec }: Struct = object["spec"] ?? {};
  const { currentMetrics, conditions, ...status }: Struct = object["status"] ?? {};
  const annotations = { ...object.metadata.annotations };

  const target = metrics.find(
    (metric: Struct) => isCpu(metric) && metric["resource"].target?.averageUtilization !== undefined,
  );
  const current = (currentMetrics ?? []).find(
    (metric: Struct) => isCpu(metric) && metric["resource"].current?.averageUtilization !== undefined,
  );
  const others = metrics.filter((metric: Struct) => metric !== target);
  const write = (name: string, value: Struct[] | Struct | undefined) => {
    if (value !== undefined && (!Array.isArray(value) || value.length > 0)) annotations[name] = JSON.stringify(value);
  };
  write(metricsAnnotation, others);
  write(currentMetricsAnnotation, currentMetrics ?? undefined);
  write(conditionsAnnotation, conditions ?? undefined);
  write(behaviorAnnotation, behavior);

  return {
    ...object,
    apiVersion: "autoscaling/v1",
    metadata: withAnnotations(object, annotations),
    spec: {
      ...spec,
      ...(target !== undefined && { targetCPUUtilizationPercentage: target.resource.target.averageUtilization }),
    },
    status: {
      currentReplicas: 0,
      ...status,
      ...(current !== undefined && { currentCPUUtilizationPercentage: current.resource.current.averageUtilization }),
    },
  };
}

function cpuMetric(field: "target" | "current", value: Struct): Struct {
  return { type: "Resource", resource: { name: "cpu", [field]: value } };
}

function isCpu(metric: Struct): boolean {
  return metric["type"] === "Resource" && metric["resource"]?.name === "cpu";
}

function withAnnotations(object: KubeObject, annotations: Record<string, string>): KubeObject["metadata"] {
  const { annotations: _, ...metadata } = object.metadata;
  return Object.keys(annotations).length > 0 ? { ...metadata, annotations } : metadata;
}

function readJson(text: string | undefined) {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
