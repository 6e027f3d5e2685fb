import type { Exchange } from "../differential/exchange.ts";
import type { Case } from "../differential/recorded.ts";

const pods = "/api/v1/namespaces/default/pods";
const services = "/api/v1/namespaces/default/services";

/** No scheduler knows it. */
const pod = (name: string, containers: string[], spec: object = {}): Exchange => ({
  title: `a pod ${name}`,
  silent: true,
  method: "POST",
  path: pods,
  body: {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      schedulerName: "nobody",
      automountServiceAccountToken: false,
      containers: containers.map((each) => ({ name: each, image: "busybox" })),
      ...spec,
    },
  },
});

const remove = (path: string): Exchange => ({
  title: `${path} goes`,
  silent: true,
  method: "DELETE",
  path,
  body: { kind: "DeleteOptions", apiVersion: "v1", gracePeriodSeconds: 0 },
});

const get = (title: string, path: string, rest: Partial<Exchange> = {}): Exchange => ({
  title,
  method: "GET",
  path,
  ...rest,
});

/** A node whose kubelet nobody will ask: what is refused here is refused before. */
const node: Exchange = {
  title: "a node",
  silent: true,
  method: "POST",
  path: "/api/v1/nodes",
  body: { apiVersion: "v1", kind: "Node", metadata: { name: "streams-node" } },
};
const nodeStatus: Exchange = {
  title: "the node's address",
  silent: true,
  method: "PATCH",
  path: "/api/v1/nodes/streams-node/status",
  contentType: "application/merge-patch+json",
  body: {
    status: {
      addresses: [
        { type: "Hostname", address: "streams-node.invalid" },
        { type: "InternalIP", address: "10.255.255.1" },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: 1 } },
    },
  },
};

const service = (name: string, ports: object[]): Exchange => ({
  title: `a service ${name}`,
  silent: true,
  method: "POST",
  path: services,
  body: { apiVersion: "v1", kind: "Service", metadata: { name }, spec: { clusterIP: "None", ports } },
});

/** What is refused with a Status before anything is streamed. */
export const cases: Case[] = [
  {
    name: "exec, attach and portforward that cannot be",
    exchanges: [
      pod("one", ["c"]),
      pod("two", ["a", "b"], { initContainers: [{ name: "i", image: "busybox" }] }),
      ...["exec", "attach"].flatMap((what) => [
        get(`${what} without the pod`, `${pods}/nobody/${what}?stdout=1`),
        get(`${what} without a node`, `${pods}/one/${what}?stdout=1`),
        get(`${what} in no such container`, `${pods}/one/${what}?stdout=1&container=x`),
        get(`${what} without a container's name`, `${pods}/two/${what}?stdout=1`),
        get(`${what} in an init container without a node`, `${pods}/two/${what}?stdout=1&container=i`),
        get(`${what} by POST`, `${pods}/one/${what}?stdout=1`, { method: "POST" }),
        get(`${what} by DELETE`, `${pods}/one/${what}?stdout=1`, { method: "DELETE" }),
        get(`${what} by PUT`, `${pods}/one/${what}?stdout=1`, { method: "PUT", body: {} }),
        get(`${what} as a dry run`, `${pods}/one/${what}?stdout=1&dryRun=All`),
      ]),
      get("portforward without the pod", `${pods}/nobody/portforward`),
      get("portforward without a node", `${pods}/one/portforward`),
      get("portforward of what is no port", `${pods}/one/portforward?ports=x`),
      get("portforward of too large a port", `${pods}/one/portforward?ports=80,70000`),
      get("log of what is no number", `${pods}/one/log?tailLines=x`),
      remove(`${pods}/one`),
      remove(`${pods}/two`),
    ],
  },
  {
    name: "pods on a node",
    exchanges: [
      node,
      nodeStatus,
      pod("placed", ["c"], { nodeName: "streams-node" }),
      pod("misplaced", ["c"], { nodeName: "streams-nowhere" }),
      ...["exec", "attach", "portforward"].flatMap((what) => [
        get(`${what} without an upgrade`, `${pods}/placed/${what}?stdout=1`),
        get(`${what} without an upgrade by POST`, `${pods}/placed/${what}?stdout=1`, { method: "POST" }),
        get(`${what} on a node that is not there`, `${pods}/misplaced/${what}?stdout=1`),
      ]),
      remove(`${pods}/placed`),
      remove(`${pods}/misplaced`),
      remove("/api/v1/nodes/streams-node"),
    ],
  },
  {
    name: "proxies to what is not there",
    exchanges: [
      pod("one", ["c"]),
      get("a pod that is not there", `${pods}/nobody/proxy/`),
      get("a pod without an address", `${pods}/one/proxy/`),
      get("a name of too many parts", `${pods}/a:b:c:d/proxy/`),
      get("a scheme nobody knows", `${pods}/ftp:one:80/proxy/`),
      get("no name", `${pods}/:80/proxy/`),
      get("a node that is not there", "/api/v1/nodes/nobody/proxy/"),
      get("a node of too many parts", "/api/v1/nodes/a:b:c:d/proxy/healthz"),
      service("named", [{ name: "web", port: 80 }]),
      get("a service that is not there", `${services}/nobody/proxy/`),
      get("a service that is not there, by a port's number", `${services}/nobody:80/proxy/`),
      get("a service's port that is not there", `${services}/named:81/proxy/`),
      get("a service of too many parts", `${services}/a:b:c:d/proxy/`),
      get("a proxy as a dry run", `${services}/named/proxy/?dryRun=All`),
      remove(`${services}/named`),
      remove(`${pods}/one`),
    ],
  },
  {
    name: "rights",
    exchanges: [
      pod("one", ["c"]),
      {
        title: "a role for getting",
        silent: true,
        method: "POST",
        path: "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles",
        body: {
          metadata: { name: "streams-getter" },
          rules: [
            {
              apiGroups: [""],
              resources: ["pods/exec", "pods/attach", "pods/portforward", "pods/proxy"],
              verbs: ["get"],
            },
          ],
        },
      },
      {
        title: "its binding",
        silent: true,
        method: "POST",
        path: "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
        body: {
          metadata: { name: "streams-getter" },
          roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "streams-getter" },
          subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "streams-user" }],
        },
      },
      get("the role counts", `${pods}/one/proxy/`, {
        as: { user: "streams-user" },
        until: (body) => (body as { reason?: string }).reason === "BadRequest",
      }),
      ...["exec", "attach", "portforward"].flatMap((what) => [
        get(`${what} by who may only get`, `${pods}/one/${what}?stdout=1`, { as: { user: "streams-user" } }),
        get(`${what} by who may do nothing`, `${pods}/one/${what}?stdout=1`, { as: { user: "streams-nobody" } }),
        get(`${what} by POST of who may only get`, `${pods}/one/${what}?stdout=1`, {
          method: "POST",
          as: { user: "streams-user" },
        }),
      ]),
      get("a proxied POST of who may only get", `${pods}/one/proxy/`, { method: "POST", as: { user: "streams-user" } }),
      remove("/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings/streams-getter"),
      remove("/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles/streams-getter"),
      remove(`${pods}/one`),
    ],
  },
];
