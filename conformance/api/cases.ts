import type { Exchange } from "../differential/exchange.ts";
import type { Case } from "../differential/recorded.ts";

const configMaps = "/api/v1/namespaces/default/configmaps";
const pods = "/api/v1/namespaces/default/pods";
const deployments = "/apis/apps/v1/namespaces/default/deployments";
const namespaces = "/api/v1/namespaces";
/** A kind with the columns that all kinds have. */
const roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
const ingresses = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";

const mergePatch = "application/merge-patch+json";
const jsonPatch = "application/json-patch+json";
const strategicPatch = "application/strategic-merge-patch+json";
const table = "application/json;as=Table;g=meta.k8s.io;v=v1";

function configMap(name: string, rest: object = {}): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, ...rest };
}

/** No scheduler knows it, so that nothing happens to it on a real cluster. */
function pod(name: string, metadata: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, ...metadata },
    spec: {
      schedulerName: "nobody",
      automountServiceAccountToken: false,
      containers: [{ name: "c", image: "busybox" }],
    },
  };
}

/** Paused and without replicas, so that nothing happens to it on a real cluster but its status. */
function deployment(name: string): object {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas: 0,
      paused: true,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "c", image: "busybox" }] } },
    },
  };
}

function ingress(name: string): object {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name },
    spec: { defaultBackend: { service: { name: "s", port: { number: 80 } } } },
  };
}

const get = (title: string, path: string, accept?: string): Exchange => ({
  title,
  method: "GET",
  path,
  ...(accept !== undefined && { accept }),
});
const post = (title: string, path: string, body: unknown, rest: Partial<Exchange> = {}): Exchange => ({
  title,
  method: "POST",
  path,
  body,
  ...rest,
});
const put = (title: string, path: string, body: unknown): Exchange => ({ title, method: "PUT", path, body });
const patch = (title: string, path: string, contentType: string, body: unknown): Exchange => ({
  title,
  method: "PATCH",
  path,
  contentType,
  body,
});
const remove = (title: string, path: string, body?: unknown): Exchange => ({
  title,
  method: "DELETE",
  path,
  ...(body !== undefined && { body }),
});
const silent = (exchange: Exchange): Exchange => ({ ...exchange, silent: true });

const create: Case = {
  name: "create",
  exchanges: [
    silent(remove("clean up", `${configMaps}/api-create`)),
    post("a dry run stores nothing", `${configMaps}?dryRun=All`, configMap("api-create")),
    get("after the dry run", `${configMaps}/api-create`),
    post("created", configMaps, configMap("api-create", { data: { b: "1", a: "2" } })),
    post("the name is taken", configMaps, configMap("api-create")),
    post("a dry run of a taken name", `${configMaps}?dryRun=All`, configMap("api-create")),
    post("a namespace that is not there", "/api/v1/namespaces/api-nowhere/configmaps", configMap("x")),
    post("all namespaces", "/api/v1/configmaps", configMap("x")),
    post("a name in the path", `${configMaps}/x`, configMap("x")),
    post("a bad name", configMaps, configMap("A b")),
    post("no name", configMaps, { apiVersion: "v1", kind: "ConfigMap" }),
    post("nothing", configMaps, {}),
    post("an empty body", configMaps, ""),
    post("no JSON", configMaps, "xx"),
    post("JSON cut short", configMaps, '{"kind":"ConfigMap",'),
    post("a list", configMaps, "[]"),
    post("another version", configMaps, { ...configMap("x"), apiVersion: "v2" }),
    post("another group", configMaps, { ...configMap("x"), apiVersion: "apps/v1" }),
    post("another kind", configMaps, { ...configMap("x"), kind: "Secret" }),
    post("another namespace", configMaps, configMap("x", { metadata: { name: "x", namespace: "other" } })),
    post("a resourceVersion", configMaps, configMap("x", { metadata: { name: "x", resourceVersion: "3" } })),
    post("a wrong type", configMaps, configMap("x", { data: { a: 1 } })),
    post("a wrong type in metadata", configMaps, configMap("x", { metadata: { name: 1 } })),
    post("a generateName that is no name", configMaps, configMap("x", { metadata: { name: "x", generateName: "A_" } })),
    post("a label and an annotation that are none", configMaps, {
      ...configMap("x"),
      metadata: { name: "x", labels: { "a b": "e f" }, annotations: { "g h": "" } },
    }),
    post("owner references that are none", configMaps, {
      ...configMap("x"),
      metadata: {
        name: "x",
        ownerReferences: [
          { apiVersion: "", kind: "", name: "", uid: "" },
          { apiVersion: "v1", kind: "Event", name: "e", uid: "u" },
        ],
      },
    }),
    post("an owner reference twice", `${configMaps}?dryRun=All`, {
      ...configMap("x"),
      metadata: {
        name: "x",
        ownerReferences: [
          { apiVersion: "v1", kind: "Pod", name: "a", uid: "a" },
          { apiVersion: "v1", kind: "Pod", name: "a", uid: "a" },
        ],
      },
    }),
    post("finalizers that are none", configMaps, {
      ...configMap("x"),
      metadata: { name: "x", finalizers: ["a b", "orphan", "foregroundDeletion"] },
    }),
    post("YAML", `${configMaps}?dryRun=All`, "kind: ConfigMap\napiVersion: v1\nmetadata: {name: y}\ndata: {a: b}\n", {
      contentType: "application/yaml",
    }),
    post("a media type that nobody reads", configMaps, configMap("x"), { contentType: "text/plain" }),
    post("a media type that nobody writes", configMaps, configMap("x"), { accept: "text/plain" }),
    silent(remove("clean up", `${configMaps}/api-create`)),
  ],
};

const withStrictErrors =
  '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"x","foo":1},"x":1,"x":2,"data":{"a":"1","a":"2"},"y":[{"z":1}]}';

const fieldValidation: Case = {
  name: "field validation",
  exchanges: [
    post("warn", `${configMaps}?dryRun=All`, withStrictErrors),
    post("ignore", `${configMaps}?dryRun=All&fieldValidation=Ignore`, withStrictErrors),
    post("strict", `${configMaps}?dryRun=All&fieldValidation=Strict`, withStrictErrors),
    post("strict, in lists", `${deployments}?dryRun=All&fieldValidation=Strict`, {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "x" },
      spec: {
        foo: 1,
        selector: { matchLabels: { a: "b" } },
        template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i", bar: 2 }] } },
      },
    }),
    post("no such directive", `${configMaps}?fieldValidation=Foo`, configMap("x")),
    post("no such dry run", `${configMaps}?dryRun=Foo`, configMap("x")),
    post("a field manager that cannot be printed", `${configMaps}?fieldManager=%01`, configMap("x")),
    post("a field manager that is too long", `${configMaps}?fieldManager=${"a".repeat(129)}`, configMap("x")),
  ],
};

const update: Case = {
  name: "update",
  exchanges: [
    silent(remove("clean up", `${configMaps}/api-update`)),
    silent(post("create", configMaps, configMap("api-update"))),
    put("data", `${configMaps}/api-update`, configMap("api-update", { data: { a: "1" } })),
    put("the same again", `${configMaps}/api-update`, configMap("api-update", { data: { a: "1" } })),
    put("a stale version", `${configMaps}/api-update`, {
      ...configMap("x"),
      metadata: { name: "api-update", resourceVersion: "1" },
    }),
    put("no version at all", `${configMaps}/api-update`, {
      ...configMap("x"),
      metadata: { name: "api-update", resourceVersion: "x" },
    }),
    put("another name", `${configMaps}/api-update`, configMap("other")),
    put("no name", `${configMaps}/api-update`, { apiVersion: "v1", kind: "ConfigMap" }),
    put("another namespace", `${configMaps}/api-update`, {
      ...configMap("x"),
      metadata: { name: "api-update", namespace: "other" },
    }),
    put("not there", `${configMaps}/api-nobody`, configMap("api-nobody")),
    put("a collection", configMaps, configMap("x")),
    put("a dry run", `${configMaps}/api-update?dryRun=All`, configMap("api-update", { data: { b: "2" } })),
    get("after the dry run", `${configMaps}/api-update`),
    put("a lease that is not there", "/apis/coordination.k8s.io/v1/namespaces/default/leases/api-update", {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: "api-update" },
    }),
    put("a lease without a version", "/apis/coordination.k8s.io/v1/namespaces/default/leases/api-update", {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: "api-update" },
      spec: { holderIdentity: "a" },
    }),
    silent(remove("clean up", "/apis/coordination.k8s.io/v1/namespaces/default/leases/api-update")),
    silent(remove("clean up", `${configMaps}/api-update`)),
  ],
};

const patches: Case = {
  name: "patch",
  exchanges: [
    silent(remove("clean up", `${configMaps}/api-patch`)),
    silent(post("create", configMaps, configMap("api-patch", { data: { x: "1" } }))),
    patch("merge", `${configMaps}/api-patch`, mergePatch, { data: { y: "2" }, metadata: { labels: { a: "b" } } }),
    patch("merge, nothing new", `${configMaps}/api-patch`, mergePatch, { data: { y: "2" } }),
    patch("JSON patch", `${configMaps}/api-patch`, jsonPatch, [{ op: "remove", path: "/data/y" }]),
    patch("JSON patch of what is not there", `${configMaps}/api-patch`, jsonPatch, [{ op: "remove", path: "/q" }]),
    patch("JSON patch whose test fails", `${configMaps}/api-patch`, jsonPatch, [
      { op: "test", path: "/data/x", value: "2" },
    ]),
    patch("JSON patch with no such operation", `${configMaps}/api-patch`, jsonPatch, [{ op: "foo", path: "/data/x" }]),
    patch("JSON patch that is no list", `${configMaps}/api-patch`, jsonPatch, {}),
    patch("JSON patch with an unknown field", `${configMaps}/api-patch`, jsonPatch, [
      { op: "add", path: "/data/q", value: "1", foo: 1 },
    ]),
    patch("strategic", `${configMaps}/api-patch`, strategicPatch, { data: { z: "3" } }),
    patch("strategic that is no object", `${configMaps}/api-patch`, strategicPatch, "[]"),
    patch("merge that is no object", `${configMaps}/api-patch`, mergePatch, "[]"),
    patch("merge that is no JSON", `${configMaps}/api-patch`, mergePatch, "x"),
    patch("a media type that is no patch", `${configMaps}/api-patch`, "application/foo", {}),
    patch("an unknown field", `${configMaps}/api-patch`, mergePatch, { foo: 1 }),
    patch(
      "an unknown field, strategic and strict",
      `${configMaps}/api-patch?fieldValidation=Strict`,
      strategicPatch,
      '{"foo":1,"foo":[{"a":"x","b":[1,2]}]}',
    ),
    patch("not there", `${configMaps}/api-nobody`, mergePatch, {}),
    patch("a stale version", `${configMaps}/api-patch`, mergePatch, { metadata: { resourceVersion: "1" } }),
    patch("another name", `${configMaps}/api-patch`, mergePatch, { metadata: { name: "q" } }),
    patch("another namespace", `${configMaps}/api-patch`, mergePatch, { metadata: { namespace: "q" } }),
    patch("forced", `${configMaps}/api-patch?force=true`, mergePatch, {}),
    patch("a creation time of null", `${configMaps}/api-patch`, mergePatch, { metadata: { creationTimestamp: null } }),
    get("in the end", `${configMaps}/api-patch`),
    silent(remove("clean up", `${configMaps}/api-patch`)),
  ],
};

const deletion: Case = {
  name: "delete",
  exchanges: [
    silent(post("create", configMaps, configMap("api-delete"))),
    remove("no such policy", `${configMaps}/api-delete?propagationPolicy=Foo`),
    remove("another uid", `${configMaps}/api-delete`, { preconditions: { uid: "x" } }),
    remove("two policies", `${configMaps}/api-delete`, { propagationPolicy: "Orphan", orphanDependents: true }),
    remove("a wrong type", `${configMaps}/api-delete`, { gracePeriodSeconds: "a" }),
    remove("another kind of options", `${configMaps}/api-delete`, { kind: "Foo", apiVersion: "v1" }),
    remove("a dry run", `${configMaps}/api-delete?dryRun=All`),
    remove("options of its group", `${configMaps}/api-delete`, { kind: "DeleteOptions", apiVersion: "v1" }),
    remove("not there", `${configMaps}/api-delete`),
    silent(
      post("create", configMaps, configMap("api-delete", { metadata: { name: "api-delete", finalizers: ["a.b/c"] } })),
    ),
    remove("with a finalizer", `${configMaps}/api-delete`),
    remove("once more", `${configMaps}/api-delete`),
    patch("one more finalizer", `${configMaps}/api-delete`, mergePatch, {
      metadata: { finalizers: ["a.b/c", "d.e/f"] },
    }),
    patch("no finalizer", `${configMaps}/api-delete`, mergePatch, { metadata: { finalizers: null } }),
    get("gone", `${configMaps}/api-delete`),
    silent(post("create a deployment", deployments, deployment("api-delete"))),
    remove("a deployment", `${deployments}/api-delete?propagationPolicy=Background`),
    remove("a collection that is empty", `${configMaps}?labelSelector=api%3Dnobody`),
    remove("all namespaces", "/api/v1/configmaps"),
    remove("namespaces all at once", namespaces),
  ],
};

const namespaceDeletion: Case = {
  name: "delete a namespace",
  exchanges: [
    { ...silent(get("wait until the last one is gone", `${namespaces}/api-doomed`)), until: isNotFound },
    post("create", namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: "api-doomed" } }),
    patch("its spec does not change here", `${namespaces}/api-doomed`, mergePatch, {
      spec: { finalizers: ["a.b/c"] },
      metadata: { labels: { a: "b" } },
    }),
    remove("a dry run", `${namespaces}/api-doomed?dryRun=All`),
    remove("delete", `${namespaces}/api-doomed`),
    post("nothing new in it", "/api/v1/namespaces/api-doomed/configmaps", configMap("x")),
  ],
};

function isNotFound(body: unknown): boolean {
  return (body as { reason?: string }).reason === "NotFound";
}

const podDeletion: Case = {
  name: "delete pods",
  exchanges: [
    silent(post("create", pods, pod("api-pod"))),
    remove("a dry run", `${pods}/api-pod?dryRun=All`),
    remove("without a node", `${pods}/api-pod`),
    get("gone", `${pods}/api-pod`),
    silent(post("create", pods, pod("api-pod"))),
    post("a binding without a target", `${pods}/api-pod/binding`, {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name: "api-pod" },
      target: { kind: "Node" },
    }),
    post("a binding", `${pods}/api-pod/binding`, {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name: "api-pod", annotations: { a: "b" }, labels: { c: "d" } },
      target: { kind: "Node", name: "api-nowhere" },
    }),
    post("one more binding", "/api/v1/namespaces/default/bindings", {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name: "api-pod" },
      target: { kind: "Node", name: "api-elsewhere" },
    }),
    post("a binding of nobody", `${pods}/api-nobody/binding`, {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name: "api-nobody" },
      target: { kind: "Node", name: "n" },
    }),
    get("on its node", `${pods}/api-pod`),
    remove("with a node", `${pods}/api-pod?gracePeriodSeconds=20`),
    remove("with more grace", `${pods}/api-pod?gracePeriodSeconds=40`),
    remove("with less grace", `${pods}/api-pod?gracePeriodSeconds=10`),
    remove("at once", `${pods}/api-pod?gracePeriodSeconds=0`),
    get("gone", `${pods}/api-pod`),
    silent(post("create", pods, pod("api-pod"))),
    post("an eviction", `${pods}/api-pod/eviction`, {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { name: "api-pod" },
    }),
    post("an eviction of nobody", `${pods}/api-pod/eviction`, {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { name: "api-pod" },
    }),
  ],
};

const list: Case = {
  name: "list",
  exchanges: [
    silent(remove("clean up", `${configMaps}?labelSelector=api%3Dlist`)),
    ...["a", "b", "c"].map((name) =>
      silent(
        post(`create ${name}`, configMaps, {
          ...configMap("x"),
          metadata: { name: `api-list-${name}`, labels: { api: "list", name } },
        }),
      ),
    ),
    get("by label", `${configMaps}?labelSelector=api%3Dlist`),
    get("by labels", `${configMaps}?labelSelector=api%3Dlist,name%20in%20(a,b),name!%3Da`),
    get("by name", `${configMaps}?fieldSelector=metadata.name%3Dapi-list-a`),
    get("by another namespace", `${configMaps}?fieldSelector=metadata.name%3Dapi-list-a,metadata.namespace%3Dother`),
    get("by not the name", `${configMaps}?labelSelector=api%3Dlist&fieldSelector=metadata.name!%3Dapi-list-a`),
    get("in all namespaces", "/api/v1/configmaps?labelSelector=api%3Dlist,name%3Db"),
    get("in a namespace that is not there", "/api/v1/namespaces/api-nowhere/configmaps"),
    get("a label selector that is none", `${configMaps}?labelSelector=a%3D%3D%3Db`),
    get("a label selector of nothing", `${configMaps}?labelSelector=!`),
    get("a label key that is none", `${configMaps}?labelSelector=a%20b%3Dc`),
    get("a field selector that is none", `${configMaps}?fieldSelector=a`),
    get("a field that cannot be selected", `${configMaps}?fieldSelector=foo%3Dbar`),
    get("a field of pods that cannot be selected", `${pods}?fieldSelector=foo%3Dbar`),
    get("pods by a field", `${pods}?fieldSelector=spec.nodeName%3Dapi-nobody`),
    get("no such version", `${configMaps}?resourceVersion=abc`),
    get("a version below 0", `${configMaps}?resourceVersion=-1`),
    get("a limit that is none", `${configMaps}?limit=x`),
    get("a time-out that is none", `${configMaps}?timeoutSeconds=x`),
    get("a match without a version", `${configMaps}?resourceVersionMatch=Exact`),
    get("no such match", `${configMaps}?resourceVersionMatch=Foo&resourceVersion=1`),
    get("exactly version 0", `${configMaps}?resourceVersionMatch=Exact&resourceVersion=0`),
    get("initial events", `${configMaps}?sendInitialEvents=true`),
    get("a token that is none", `${configMaps}?continue=abc`),
    get(
      "a token and a version",
      `${configMaps}?continue=${token({ v: "meta.k8s.io/v1", rv: 1, start: "a" })}&resourceVersion=4`,
    ),
    get(
      "a token and a match",
      `${configMaps}?continue=${token({ v: "meta.k8s.io/v1", rv: 1, start: "a" })}&resourceVersion=4&resourceVersionMatch=Exact`,
    ),
    get("a watch with initial events and no match", `${configMaps}?watch=1&sendInitialEvents=true`),
    get("a watch with a match", `${configMaps}?watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=5`),
    get("a watch of no such version", `${configMaps}?watch=1&resourceVersion=abc`),
    get("one by name is not watched", `${configMaps}/api-list-a?watch=1`),
    get("deprecated way to export", `${configMaps}/api-list-a?export=true`),
    remove("all of them", `${configMaps}?labelSelector=api%3Dlist`),
  ],
};

function token(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

const output: Case = {
  name: "output",
  exchanges: [
    silent(remove("clean up", `${configMaps}/api-output`)),
    silent(
      post("create", configMaps, {
        ...configMap("x"),
        metadata: { name: "api-output", labels: { api: "output" } },
        data: { a: "b" },
      }),
    ),
    silent(remove("clean up", `${roles}/api-output`)),
    silent(
      post("create a role", roles, {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "Role",
        metadata: { name: "api-output", labels: { api: "output" } },
      }),
    ),
    get("one as a Table", `${roles}/api-output`, table),
    get("a list as a Table", `${roles}?labelSelector=api%3Doutput`, table),
    get("a Table with objects", `${roles}?labelSelector=api%3Doutput&includeObject=Object`, table),
    get("a Table without objects", `${roles}?labelSelector=api%3Doutput&includeObject=None`, table),
    get("a Table with what else", `${roles}?labelSelector=api%3Doutput&includeObject=Foo`, table),
    get("an old Table", `${roles}/api-output`, "application/json;as=Table;g=meta.k8s.io;v=v1beta1"),
    get("no such form", `${configMaps}/api-output`, "application/json;as=Foo;g=meta.k8s.io;v=v1"),
    get(
      "no such form, or JSON",
      `${configMaps}/api-output`,
      "application/json;as=Foo;g=meta.k8s.io;v=v1,application/json",
    ),
    get("metadata", `${configMaps}/api-output`, "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"),
    get(
      "metadata of a list",
      `${configMaps}?labelSelector=api%3Doutput`,
      "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    ),
    get(
      "metadata of one for a list",
      `${configMaps}?labelSelector=api%3Doutput`,
      "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
    ),
    get(
      "metadata of a list for one",
      `${configMaps}/api-output`,
      "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    ),
    get("any", `${configMaps}/api-output`, "*/*"),
    get("a Table, or not", `${configMaps}/nobody`, `${table},application/json`),
    silent(remove("clean up", `${roles}/api-output`)),
    { ...remove("a deletion as a Table", `${configMaps}/api-output`), accept: table },
  ],
};

const scaling: Case = {
  name: "scale and status",
  exchanges: [
    silent(remove("clean up", `${deployments}/api-scale`)),
    silent(post("create", deployments, deployment("api-scale"))),
    {
      ...silent(get("wait", `${deployments}/api-scale`)),
      until: (body) => (body as { status?: object }).status !== undefined,
    },
    get("scale", `${deployments}/api-scale/scale`),
    patch("patch the scale", `${deployments}/api-scale/scale`, mergePatch, { metadata: { labels: { a: "b" } } }),
    put("a scale below 0", `${deployments}/api-scale/scale`, {
      kind: "Scale",
      apiVersion: "autoscaling/v1",
      metadata: { name: "api-scale", namespace: "default" },
      spec: { replicas: -1 },
    }),
    put("a stale scale", `${deployments}/api-scale/scale`, {
      kind: "Scale",
      apiVersion: "autoscaling/v1",
      metadata: { name: "api-scale", namespace: "default", resourceVersion: "1" },
      spec: { replicas: 1 },
    }),
    get("no scale", `${configMaps}/kube-root-ca.crt/scale`),
    get("the scale of nobody", `${deployments}/api-nobody/scale`),
    silent(remove("clean up", `${ingresses}/api-status`)),
    silent(post("create an ingress", ingresses, ingress("api-status"))),
    patch("a status", `${ingresses}/api-status/status`, mergePatch, {
      metadata: { annotations: { a: "b" } },
      spec: { ingressClassName: "x" },
      status: { loadBalancer: { ingress: [{ ip: "1.2.3.4" }] } },
    }),
    patch("the spec, with a status", `${ingresses}/api-status`, mergePatch, {
      spec: { ingressClassName: "y" },
      status: { loadBalancer: null },
    }),
    get("the status", `${ingresses}/api-status/status`),
    put("a status without a name", `${ingresses}/api-status/status`, {}),
    silent(remove("clean up", `${ingresses}/api-status`)),
    silent(remove("clean up", `${deployments}/api-scale`)),
  ],
};

const reviews: Case = {
  name: "reviews",
  exchanges: [
    post("who am I", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {
      kind: "SelfSubjectReview",
      apiVersion: "authentication.k8s.io/v1",
    }),
    post("may I", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
      spec: { resourceAttributes: { verb: "get", resource: "pods", namespace: "default" } },
    }),
    post("may I do nothing", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", { spec: {} }),
    post(
      "may I, as a Table",
      "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
      { spec: {} },
      { accept: table },
    ),
    get("a list of reviews", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
    post("whose token is it", "/apis/authentication.k8s.io/v1/tokenreviews", { spec: { token: "api-nobody" } }),
    post("a token for a moment", "/api/v1/namespaces/default/serviceaccounts/default/token", {
      spec: { expirationSeconds: 5 },
    }),
    post("a token of nobody", "/api/v1/namespaces/default/serviceaccounts/api-nobody/token", {}),
  ],
};

const paths: Case = {
  name: "paths",
  exchanges: [
    get("no such path", "/foo"),
    get("no such core version", "/api/v2"),
    get("no such group", "/apis/foo.example"),
    get("no such version", "/apis/apps/v9"),
    get("no such resource", "/apis/apps/v1/foos"),
    get("no such resource, with a name", "/api/v1/namespaces/default/foos/x"),
    get("no such subresource", `${pods}/x/foo`),
    get("no namespace", "/api/v1/pods/x"),
    get("a namespace too many", "/api/v1/namespaces/default/nodes/x"),
    get("nobody", `${pods}/api-nobody`),
    get("nobody in a group", `${deployments}/api-nobody`),
    get("no such namespace", `${namespaces}/api-nowhere`),
    put("a collection", "/api/v1/pods", {}),
    get("no such group, with a version", "/apis/foo.example/v1"),
    get("no such group, with a resource", "/apis/foo.example/v1/foos"),
    get("no such version, with a resource", "/apis/apps/v9/deployments"),
    get("healthz", "/healthz"),
    get("livez", "/livez"),
    get("readyz", "/readyz"),
    get("apps", "/apis/apps"),
    get("apps/v1", "/apis/apps/v1"),
    get("autoscaling", "/apis/autoscaling"),
    get("batch/v1", "/apis/batch/v1"),
    get("rbac", "/apis/rbac.authorization.k8s.io/v1"),
    get("core", "/api/v1"),
  ],
};

export const cases: Case[] = [
  create,
  fieldValidation,
  update,
  patches,
  deletion,
  namespaceDeletion,
  podDeletion,
  list,
  output,
  scaling,
  reviews,
  paths,
];
