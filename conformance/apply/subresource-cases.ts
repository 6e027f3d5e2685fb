import type { Case } from "../differential/recorded.ts";
import { apply, deployment, deployments, get, mergePatch, patch, pod, pods, post, put, remove } from "./requests.ts";

const status = `${pods}/apply-status`;
const scaled = `${deployments}/apply-scaled`;
const autoscalers = (version: string) => `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers`;

const statusOf = (value: object, metadata: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "apply-status", ...metadata },
  status: value,
});
const condition = (type: string, value = "True") => ({ type, status: value });
const scale = (replicas: number, rest: object = {}) => ({
  apiVersion: "autoscaling/v1",
  kind: "Scale",
  metadata: { name: "apply-scaled", ...rest },
  spec: { replicas },
});
const autoscaler = (version: string, spec: object) => ({
  apiVersion: `autoscaling/${version}`,
  kind: "HorizontalPodAutoscaler",
  metadata: { name: "apply-hpa" },
  spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "apply-nobody" }, ...spec },
});

export const subresourceCases: Case[] = [
  {
    name: "apply to status",
    exchanges: [
      remove(`${status}?gracePeriodSeconds=0`),
      apply("to nobody", `${status}/status`, "one", statusOf({ phase: "Running" })),
      apply("the pod", status, "one", { ...pod("apply-status"), status: { phase: "Running" } }),
      apply("one's condition", `${status}/status`, "one", statusOf({ conditions: [condition("A")] })),
      apply("two's conditions", `${status}/status`, "two", statusOf({ conditions: [condition("B"), condition("A")] })),
      apply("two's conflict", `${status}/status`, "two", statusOf({ conditions: [condition("A", "False")] })),
      apply("labels by status", `${status}/status`, "two", statusOf({ phase: "Running" }, { labels: { s: "1" } })),
      apply("the pod without a label", status, "one", pod("apply-status")),
      apply("a conflict with status", status, "one", {
        ...pod("apply-status"),
        metadata: { name: "apply-status", labels: { s: "2" } },
      }),
      apply("a spec by status", `${status}/status`, "two", { ...pod("apply-status"), status: { phase: "Failed" } }),
      put("an update of status", `${status}/status?fieldManager=three`, {
        ...pod("apply-status"),
        status: { phase: "Running", message: "m" },
      }),
      get("at last", status),
    ],
  },
  {
    name: "apply to scale",
    exchanges: [
      remove(scaled),
      apply("one's replicas", scaled, "one", deployment("apply-scaled", { replicas: 0 })),
      put("an update of scale", `${scaled}/scale?fieldManager=scaler`, scale(0)),
      patch("two scales", `${scaled}/scale?fieldManager=two`, mergePatch, { spec: { replicas: 1 } }),
      get("after two has scaled", scaled),
      apply("one wants its own back", scaled, "one", deployment("apply-scaled", { replicas: 0 })),
      apply("three applies a scale", `${scaled}/scale`, "three", scale(2)),
      apply("three shares", `${scaled}/scale`, "three", scale(1)),
      get("after three has shared", scaled),
      apply("three takes", `${scaled}/scale`, "three&force=true", scale(0)),
      get("after three has taken", scaled),
      apply("four does not know Scale", `${scaled}/scale`, "four", deployment("apply-scaled", { replicas: 0 })),
      apply("four has a field that is none", `${scaled}/scale`, "four", { ...scale(0), spec: { foo: 1 } }),
      apply("a scale of nobody", `${deployments}/apply-nobody/scale`, "four", scale(0)),
      apply("one takes all", scaled, "one&force=true", deployment("apply-scaled", { replicas: 0 })),
      apply("one leaves replicas", scaled, "one", deployment("apply-scaled")),
      get("at last", scaled),
    ],
  },
  {
    name: "apply in two versions",
    exchanges: [
      remove(`${autoscalers("v2")}/apply-hpa`),
      post("created in v1", `${autoscalers("v1")}?fieldManager=maker`, autoscaler("v1", { maxReplicas: 3 })),
      apply("one in v1", `${autoscalers("v1")}/apply-hpa`, "one", autoscaler("v1", { maxReplicas: 3, minReplicas: 2 })),
      apply("a conflict in v2", `${autoscalers("v2")}/apply-hpa`, "two", autoscaler("v2", { maxReplicas: 4 })),
      apply("one in v2", `${autoscalers("v2")}/apply-hpa`, "one", autoscaler("v2", { maxReplicas: 3 })),
    ],
  },
];
