import type { Case } from "../differential/recorded.ts";
import {
  apply,
  configMap,
  configMaps,
  deployment,
  deployments,
  get,
  jsonPatch,
  mergePatch,
  patch,
  pod,
  pods,
  post,
  put,
  remove,
  strategicPatch,
} from "./requests.ts";

const tracked = `${configMaps}/apply-tracked`;
const reset = `${configMaps}/apply-reset`;
const many = `${configMaps}/apply-many`;

/** Who manages what after creates, updates and patches that are no applies. */
export const trackingCases: Case[] = [
  {
    name: "tracking of a ConfigMap",
    exchanges: [
      remove(tracked),
      post("created, managed by the user agent", configMaps, configMap("apply-tracked", { a: "1", b: "1" })),
      patch("another adds a key", `${tracked}?fieldManager=two`, mergePatch, { data: { c: "1" } }),
      patch("another changes a key", `${tracked}?fieldManager=two`, mergePatch, { data: { a: "2" } }),
      patch("another writes what is there", `${tracked}?fieldManager=three`, mergePatch, { data: { a: "2" } }),
      patch("labels", `${tracked}?fieldManager=three`, strategicPatch, { metadata: { labels: { x: "y" } } }),
      patch("a JSON patch", `${tracked}?fieldManager=four`, jsonPatch, [
        { op: "replace", path: "/data/c", value: "2" },
        { op: "remove", path: "/data/b" },
      ]),
      put("an update that drops a key", `${tracked}?fieldManager=five`, configMap("apply-tracked", { a: "2", d: "1" })),
      patch("all keys go", `${tracked}?fieldManager=six`, mergePatch, { data: null }),
      patch("a finalizer and an owner", `${tracked}?fieldManager=six`, mergePatch, {
        metadata: {
          finalizers: ["example.com/f"],
          // Of a kind that is not served: garbage collectors leave what they cannot look up.
          ownerReferences: [{ apiVersion: "example.com/v1", kind: "Nobody", name: "nobody", uid: "nobody" }],
        },
      }),
      patch("no finalizer", `${tracked}?fieldManager=seven`, mergePatch, {
        metadata: { finalizers: null, ownerReferences: null },
      }),
      get("at last", tracked),
    ],
  },
  {
    name: "tracking of a pod",
    exchanges: [
      remove(`${pods}/apply-pod?gracePeriodSeconds=0`),
      post("created", `${pods}?fieldManager=maker`, pod("apply-pod")),
      patch("status", `${pods}/apply-pod/status?fieldManager=kubelet`, strategicPatch, {
        metadata: { labels: { from: "status" } },
        status: { phase: "Running", conditions: [{ type: "Ready", status: "True", lastTransitionTime: null }] },
      }),
      patch("status again", `${pods}/apply-pod/status?fieldManager=kubelet`, strategicPatch, {
        status: { conditions: [{ type: "Ready", status: "False" }], podIP: "10.0.0.9", podIPs: [{ ip: "10.0.0.9" }] },
      }),
      patch("an image", `${pods}/apply-pod?fieldManager=imager`, strategicPatch, {
        spec: { containers: [{ name: "c", image: "busybox:2" }] },
      }),
      patch("an ephemeral container", `${pods}/apply-pod/ephemeralcontainers?fieldManager=debugger`, strategicPatch, {
        spec: { ephemeralContainers: [{ name: "e", image: "busybox" }] },
      }),
      get("at last", `${pods}/apply-pod`),
    ],
  },
  {
    name: "tracking of defaults and of what a strategy resets",
    exchanges: [
      post("a Deployment with a status", `${deployments}?dryRun=All`, {
        ...deployment("apply-defaults"),
        status: { replicas: 3 },
      }),
      post("generateName", `${configMaps}?dryRun=All`, {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "apply-generated", generateName: "x-", labels: {}, annotations: { a: "" } },
      }),
      post("a Service", "/api/v1/namespaces/default/services?dryRun=All", {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "apply-service" },
        spec: {
          clusterIP: "None",
          selector: { a: "b" },
          ports: [
            { name: "p", port: 80 },
            { name: "q", port: 81 },
          ],
        },
      }),
      post("a Secret", "/api/v1/namespaces/default/secrets?dryRun=All", {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "apply-secret" },
        stringData: { a: "b" },
      }),
      post("a Job", "/apis/batch/v1/namespaces/default/jobs?dryRun=All", {
        apiVersion: "batch/v1",
        kind: "Job",
        metadata: { name: "apply-job" },
        spec: {
          template: {
            spec: {
              restartPolicy: "Never",
              tolerations: [{ key: "a", operator: "Exists" }],
              volumes: [{ name: "v", emptyDir: {} }],
              containers: [
                {
                  name: "c",
                  image: "i",
                  env: [{ name: "E", value: "1" }],
                  ports: [{ containerPort: 80 }],
                  volumeMounts: [{ name: "v", mountPath: "/v" }],
                  resources: { limits: { cpu: "1" } },
                },
              ],
            },
          },
        },
      }),
      post("a Role", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles?dryRun=All", {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "Role",
        metadata: { name: "apply-role" },
        rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }],
      }),
      post("a Namespace", "/api/v1/namespaces?dryRun=All", {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: { name: "apply-namespace" },
      }),
    ],
  },
  {
    name: "reset and bad entries",
    exchanges: [
      remove(reset),
      post("created", configMaps, configMap("apply-reset", { a: "1" })),
      patch("an entry that is none", `${reset}?fieldManager=bad`, mergePatch, {
        metadata: { managedFields: [{ manager: "x", operation: "Patch", apiVersion: "v1", fieldsType: "FieldsV1" }] },
        data: { b: "1" },
      }),
      patch("entries of one's own", `${reset}?fieldManager=bad`, mergePatch, {
        metadata: {
          managedFields: [
            {
              manager: "mine",
              operation: "Apply",
              apiVersion: "v1",
              fieldsType: "FieldsV1",
              time: "2020-01-01T00:00:00Z",
              fieldsV1: { "f:data": { "f:a": {}, "f:zz": {} } },
            },
          ],
        },
      }),
      patch("reset", `${reset}?fieldManager=resetter`, mergePatch, { metadata: { managedFields: [{}] } }),
      patch("nobody is tracked now", `${reset}?fieldManager=late`, mergePatch, { data: { c: "1" } }),
      apply("the first apply starts again", reset, "one", configMap("apply-reset", { a: "1" })),
      patch("empty is a reset too", `${reset}?fieldManager=resetter`, mergePatch, { metadata: { managedFields: [] } }),
      patch("null is none", `${reset}?fieldManager=resetter`, jsonPatch, [
        { op: "add", path: "/metadata/managedFields", value: [{}] },
        { op: "add", path: "/data/d", value: "1" },
      ]),
      apply("conflicts with what was there before", reset, "one", configMap("apply-reset", { a: "2" })),
    ],
  },
  {
    name: "many managers",
    exchanges: [
      remove(many),
      post("created", `${configMaps}?fieldManager=m00`, configMap("apply-many", { k: "0" })),
      ...Array.from({ length: 12 }, (_, i) => {
        const manager = `m${String(i + 1).padStart(2, "0")}`;
        return patch(`after ${manager}`, `${many}?fieldManager=${manager}`, mergePatch, { data: { [manager]: "1" } });
      }),
    ],
  },
];
