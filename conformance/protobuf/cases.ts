import type { Exchange } from "../differential/exchange.ts";
import type { Case } from "../differential/recorded.ts";

/** What programs on client-go accept. */
const protobuf = "application/vnd.kubernetes.protobuf";
const metadata = ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const metadataList = ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const aggregated = ";as=APIGroupDiscoveryList;g=apidiscovery.k8s.io";
const table = ";as=Table;g=meta.k8s.io;v=v1";

const core = "/api/v1/namespaces/default";
const selected = "?labelSelector=app%3Dprotobuf";
const labels = { app: "protobuf" };

const ask = (title: string, path: string, accept = protobuf): Exchange => ({ title, method: "GET", path, accept });
const post = (title: string, path: string, body: object, accept = protobuf): Exchange => ({
  title,
  method: "POST",
  path,
  body,
  accept,
});
const patch = (title: string, path: string, contentType: string, body: object): Exchange => ({
  title,
  method: "PATCH",
  path,
  contentType,
  body,
  accept: protobuf,
});
const remove = (title: string, path: string, accept = protobuf): Exchange => ({
  title,
  method: "DELETE",
  path,
  accept,
});
const silent = (exchange: Exchange): Exchange => ({ ...exchange, silent: true });

const differing = (exchange: Exchange, differs: string): Exchange => ({ ...exchange, differs });

const configMap = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "pb", labels: { ...labels, "10": "a", "9": "b", B: "", "a.b/c": "d" }, finalizers: ["a.b/c"] },
  data: { z: "1", a: "2", empty: "", text: "zwei\nZeilen ß" },
  binaryData: { bytes: "AAEC/w==", none: "" },
};

/** No scheduler knows it, so that nothing happens to it on a real cluster. */
const pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "pb", labels, annotations: { note: "x" } },
  spec: {
    schedulerName: "nobody",
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 0,
    volumes: [
      { name: "e", emptyDir: {} },
      { name: "s", secret: { secretName: "s", defaultMode: 0 } },
    ],
    initContainers: [{ name: "i", image: "busybox", restartPolicy: "Always" }],
    containers: [
      {
        name: "c",
        image: "busybox",
        env: [
          { name: "A", value: "" },
          { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
        ],
        ports: [{ containerPort: 80 }],
        resources: { requests: { memory: "0.5Gi", cpu: "1.5" }, limits: { cpu: "2" } },
        livenessProbe: { httpGet: { port: "http", path: "/x" }, initialDelaySeconds: 3 },
        readinessProbe: { tcpSocket: { port: 80 }, timeoutSeconds: 2 },
        securityContext: { runAsUser: 0, privileged: false, capabilities: { add: ["NET_ADMIN"] } },
      },
    ],
  },
};

const deployment = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "pb", labels },
  spec: {
    replicas: 0,
    paused: true,
    strategy: { rollingUpdate: { maxSurge: "10%", maxUnavailable: 0 } },
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "c", image: "busybox" }] } },
  },
};

const lease = {
  apiVersion: "coordination.k8s.io/v1",
  kind: "Lease",
  metadata: { name: "pb", labels },
  spec: { holderIdentity: "me", leaseDurationSeconds: 15, renewTime: "2024-01-02T03:04:05.000006Z" },
};

const definition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "protobufs.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { plural: "protobufs", kind: "Protobuf" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: {
          status: {},
          scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
        },
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                properties: {
                  replicas: { type: "integer", minimum: 0, default: 1 },
                  size: { type: "string", enum: ["a", "b"] },
                  port: { "x-kubernetes-int-or-string": true },
                  list: { type: "array", items: { type: "number", multipleOf: 0.5 } },
                  map: { type: "object", additionalProperties: { type: "string" } },
                },
              },
              status: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
            },
          },
        },
      },
    ],
  },
};

const customs = "/apis/example.com/v1/namespaces/default/protobufs";
const custom = { apiVersion: "example.com/v1", kind: "Protobuf", metadata: { name: "pb" }, spec: { size: "a" } };

export const cases: readonly Case[] = [
  {
    name: "verbs",
    exchanges: [
      silent(
        patch("let the last one go", `${core}/configmaps/pb`, "application/merge-patch+json", {
          metadata: { finalizers: null },
        }),
      ),
      silent(remove("clean up", `${core}/configmaps/pb`)),
      post("created", `${core}/configmaps`, configMap),
      post("a dry run", `${core}/configmaps?dryRun=All`, { ...configMap, metadata: { name: "pb-dry" } }),
      ask("read", `${core}/configmaps/pb`),
      ask("read by who accepts JSON too", `${core}/configmaps/pb`, `${protobuf},application/json`),
      ask("read by who would rather have JSON", `${core}/configmaps/pb`, `${protobuf};q=0.5,application/json`),
      ask("read by who accepts anything", `${core}/configmaps/pb`, `${protobuf};q=0.5,*/*`),
      ask("listed", `${core}/configmaps${selected}`),
      ask("nothing listed", `${core}/configmaps?labelSelector=app%3Dnone`),
      ask("listed for who watches too", `${core}/configmaps${selected}`, `${protobuf};stream=watch`),
      ask("listed for another stream", `${core}/configmaps${selected}`, `${protobuf};stream=other,application/json`),
      {
        title: "updated",
        method: "PUT",
        path: `${core}/configmaps/pb`,
        body: { ...configMap, data: { b: "2" } },
        accept: protobuf,
      },
      patch("patched", `${core}/configmaps/pb`, "application/merge-patch+json", { data: { c: "3" } }),
      patch("applied", `${core}/configmaps/pb?fieldManager=applier&force=true`, "application/apply-patch+yaml", {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "pb" },
        data: { d: "4" },
      }),
      remove("deleted, which a finalizer holds up", `${core}/configmaps/pb`),
      silent(
        patch("let it go", `${core}/configmaps/pb`, "application/merge-patch+json", { metadata: { finalizers: null } }),
      ),
      silent(post("one more", `${core}/configmaps`, { ...configMap, metadata: { name: "pb" } })),
      remove("deleted", `${core}/configmaps/pb`),
      remove("a collection deleted", `${core}/configmaps${selected}`),
    ],
  },
  {
    name: "kinds",
    exchanges: [
      silent(remove("clean up pod", `${core}/pods/pb`)),
      silent(remove("clean up deployment", "/apis/apps/v1/namespaces/default/deployments/pb")),
      silent(remove("clean up lease", "/apis/coordination.k8s.io/v1/namespaces/default/leases/pb")),
      post("Pod", `${core}/pods`, pod),
      ask("Pods", `${core}/pods${selected}`),
      post("eviction", `${core}/pods/pb/eviction?dryRun=All`, {
        apiVersion: "policy/v1",
        kind: "Eviction",
        metadata: { name: "pb" },
      }),
      post("Deployment", "/apis/apps/v1/namespaces/default/deployments", deployment),
      ask("Scale", "/apis/apps/v1/namespaces/default/deployments/pb/scale"),
      post("Lease", "/apis/coordination.k8s.io/v1/namespaces/default/leases", lease),
      differing(
        post("SelfSubjectAccessReview", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
          apiVersion: "authorization.k8s.io/v1",
          kind: "SelfSubjectAccessReview",
          spec: { resourceAttributes: { verb: "get", resource: "pods" } },
        }),
        "upstream says who managed the fields of what is not kept",
      ),
      remove("Pod deleted", `${core}/pods/pb`),
      remove("Deployment deleted", "/apis/apps/v1/namespaces/default/deployments/pb"),
      remove("Lease deleted", "/apis/coordination.k8s.io/v1/namespaces/default/leases/pb"),
    ],
  },
  {
    name: "forms",
    exchanges: [
      silent(remove("clean up", `${core}/secrets/pb`)),
      silent(
        post("a Secret", `${core}/secrets`, { apiVersion: "v1", kind: "Secret", metadata: { name: "pb", labels } }),
      ),
      ask("metadata", `${core}/secrets/pb`, protobuf + metadata),
      ask("metadata in v1beta1", `${core}/secrets/pb`, `${protobuf}${metadata}beta1`),
      ask("metadata of a list", `${core}/secrets${selected}`, protobuf + metadataList),
      ask("metadata of a list in v1beta1", `${core}/secrets${selected}`, `${protobuf}${metadataList}beta1`),
      ask("metadata of one as of a list", `${core}/secrets/pb`, protobuf + metadataList),
      ask("metadata of a list as of one", `${core}/secrets${selected}`, protobuf + metadata),
      ask("a Table", `${core}/secrets/pb`, protobuf + table),
      ask("a Table, or JSON", `${core}/secrets/pb`, `${protobuf}${table},application/json`),
      ask("an unknown form, or protobuf", `${core}/secrets/pb`, `${protobuf};as=X;g=meta.k8s.io;v=v1,${protobuf}`),
      remove("metadata of what is deleted", `${core}/secrets/pb`, protobuf + metadata),
    ],
  },
  {
    name: "errors",
    exchanges: [
      ask("not found", `${core}/configmaps/nowhere`),
      ask("not found, for who wants metadata", `${core}/configmaps/nowhere`, `${protobuf}${metadata},${protobuf}`),
      ask("not found, for who wants metadata only", `${core}/configmaps/nowhere`, protobuf + metadata),
      ask("no such resource", "/api/v1/nowhere"),
      post("invalid", `${core}/configmaps`, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "A b" } }),
      post("another kind", `${core}/configmaps`, { apiVersion: "v1", kind: "Secret", metadata: { name: "a" } }),
      { ...ask("forbidden", `${core}/configmaps/x`), as: { user: "nobody" } },
      ask("a bad option", `${core}/configmaps?limit=x`),
      ask("YAML", `${core}/configmaps/nowhere`, `application/yaml,${protobuf}`),
      ask("a media type that nobody writes", `${core}/configmaps/x`, "application/x-protobuf"),
      ask("a media type that nobody writes, of a list", `${core}/configmaps`, "application/x-protobuf"),
      remove("a media type that nobody writes, of a deletion", `${core}/configmaps`, "application/x-protobuf"),
      differing(
        ask("a media type that watches have not", `${core}/configmaps?watch=1`, `application/yaml,${protobuf}`),
        "long lines of YAML are wrapped elsewhere",
      ),
    ],
  },
  {
    name: "custom resources",
    exchanges: [
      silent(remove("clean up", `${customs}/pb`, "application/json")),
      silent(
        remove(
          "clean up the definition",
          "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/protobufs.example.com",
        ),
      ),
      silent({
        ...ask(
          "wait until it is gone",
          "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/protobufs.example.com",
          "application/json",
        ),
        until: (body) => (body as { code?: number }).code === 404,
      }),
      post("the definition", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition),
      silent({
        ...post("one as JSON, when it is served", customs, custom, "application/json"),
        until: (body) => (body as { kind?: string }).kind === "Protobuf",
      }),
      post("another, refused before it is made", customs, { ...custom, metadata: { name: "pb2" } }),
      ask("which is not there", `${customs}/pb2`, "application/json"),
      ask("read", `${customs}/pb`),
      ask("read by who accepts JSON too", `${customs}/pb`, `${protobuf},application/json`),
      ask("not found, for who accepts JSON too", `${customs}/nowhere`, `${protobuf},application/json`),
      ask("listed", customs),
      ask("watched", `${customs}?watch=1`),
      ask("a media type that nobody writes", customs, "application/x-protobuf"),
      ask("scale", `${customs}/pb/scale`),
      ask("metadata", `${customs}/pb`, protobuf + metadata),
      ask("metadata of a list", customs, protobuf + metadataList),
      ask("a Table", customs, protobuf + table),
      ask("a Table, or JSON", customs, `${protobuf}${table},application/json`),
      remove("deleted", `${customs}/pb`),
      remove("deleted by who accepts JSON too", `${customs}/pb`, `${protobuf},application/json`),
      silent(
        remove("the definition goes", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/protobufs.example.com"),
      ),
    ],
  },
  {
    name: "discovery",
    exchanges: [
      ask("the core group, aggregated", "/api", `${protobuf}${aggregated};v=v2`),
      ask("the core group, aggregated in v2beta1, which is no more", "/api", `${protobuf}${aggregated};v=v2beta1`),
      ask("a group", "/apis/batch"),
      ask("a version", "/apis/coordination.k8s.io/v1"),
      ask("a group that is not there", "/apis/nowhere.example.com"),
      ask("the paths", "/healthz"),
      ask("a media type that nobody writes", "/apis/batch", "application/x-protobuf"),
      ask("a media type that nobody writes, at the root", "/apis", "application/x-protobuf"),
    ],
  },
];
