import type { Exchange } from "../differential/exchange.ts";
import type { Case } from "../differential/recorded.ts";

type Json = Record<string, unknown>;

function remove(path: string): Exchange {
  return { title: `delete ${path}`, method: "DELETE", path, silent: true };
}

/** A namespace of the case's own, with nothing in it. */
function namespace(name: string): Exchange[] {
  return [
    {
      title: `make namespace ${name}`,
      method: "POST",
      path: "/api/v1/namespaces",
      body: { apiVersion: "v1", kind: "Namespace", metadata: { name } },
      silent: true,
    },
    {
      title: `the account of ${name}`,
      method: "GET",
      path: `/api/v1/namespaces/${name}/serviceaccounts/default`,
      until: (answer) => (answer as { kind?: string }).kind === "ServiceAccount",
      silent: true,
    },
  ];
}

function quota(namespace: string, name: string, spec: Json & { hard: Json }): Exchange[] {
  const path = `/api/v1/namespaces/${namespace}/resourcequotas`;
  return [
    {
      title: `make quota ${name}`,
      method: "POST",
      path,
      body: { apiVersion: "v1", kind: "ResourceQuota", metadata: { name }, spec },
      silent: true,
    },
    used(`the first status of ${name}`, namespace, name, () => true),
  ];
}

/** Waits until the quota's status knows all that is used, in that amount. */
function used(
  title: string,
  namespace: string,
  name: string,
  fits: (used: Record<string, string>) => boolean,
): Exchange {
  return {
    title,
    method: "GET",
    path: `/api/v1/namespaces/${namespace}/resourcequotas/${name}`,
    until(answer) {
      const { spec, status } = answer as { spec?: { hard: Json }; status?: { used?: Record<string, string> } };
      const all = Object.keys(spec?.hard ?? { none: 1 });
      return status?.used !== undefined && all.every((each) => status.used?.[each] !== undefined) && fits(status.used);
    },
  };
}

function podMaker(namespace: string) {
  return (title: string, fields: Json = {}, options: { name?: string; dryRun?: boolean } = {}): Exchange => ({
    title,
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/pods${options.dryRun === true ? "?dryRun=All" : ""}`,
    body: {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: options.name ?? "p" },
      spec: { automountServiceAccountToken: false, nodeSelector: { no: "where" }, ...fields },
    },
  });
}

const container = (name: string, requests?: Json, limits?: Json, fields: Json = {}): Json => ({
  name,
  image: "i",
  resources: { ...(requests && { requests }), ...(limits && { limits }) },
  ...fields,
});

function limitRanges(): Case {
  const ns = "limit-range-cases";
  const pod = podMaker(ns);
  const dry = (title: string, fields: Json) => pod(title, fields, { dryRun: true });
  const range = (limits: Json[]): Exchange[] => [
    remove(`/api/v1/namespaces/${ns}/limitranges/r`),
    {
      title: `limits ${JSON.stringify(limits)}`,
      method: "POST",
      path: `/api/v1/namespaces/${ns}/limitranges`,
      body: { apiVersion: "v1", kind: "LimitRange", metadata: { name: "r" }, spec: { limits } },
    },
    // Admission learns of it a moment later.
    {
      ...pod(
        `wait for ${JSON.stringify(limits)}`,
        { containers: [container("c", { cpu: "99" }, { cpu: "999" })] },
        { dryRun: true },
      ),
      until: (answer) => JSON.stringify(answer).includes(String(limits[0]?.["mark"] ?? "per")),
      silent: true,
    },
  ];
  const claim = (title: string, storage: string): Exchange => ({
    title,
    method: "POST",
    path: `/api/v1/namespaces/${ns}/persistentvolumeclaims?dryRun=All`,
    body: {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "c" },
      spec: { storageClassName: "slow", accessModes: ["ReadWriteOnce"], resources: { requests: { storage } } },
    },
  });
  return {
    name: "limit ranges",
    exchanges: [
      ...namespace(ns),
      ...range([
        {
          type: "Container",
          max: { cpu: "2" },
          min: { cpu: "100m" },
          default: { cpu: "500m", memory: "64Mi" },
          defaultRequest: { cpu: "200m" },
          maxLimitRequestRatio: { cpu: "4" },
        },
      ]),
      dry("nothing said: the defaults", {
        containers: [container("a"), container("b", { cpu: "300m" })],
        initContainers: [container("i")],
      }),
      dry("limits said", { containers: [container("a", undefined, { cpu: "1" })] }),
      dry("a request below the minimum", { containers: [container("a", { cpu: "50m" })] }),
      dry("a limit below the minimum", { containers: [container("a", { cpu: "10m" }, { cpu: "20m" })] }),
      dry("a limit above the maximum", { containers: [container("a", { cpu: "1" }, { cpu: "3" })] }),
      dry("a ratio that is too large", { containers: [container("a", { cpu: "100m" }, { cpu: "1500m" })] }),
      dry("two things wrong", { containers: [container("a", { cpu: "50m" }, { cpu: "3" })] }),
      dry("an init container that is wrong", {
        containers: [container("a")],
        initContainers: [container("i", { cpu: "10m" })],
      }),
      ...range([{ type: "Container", min: { memory: "1Mi" }, max: { "ephemeral-storage": "1Gi" } }]),
      dry("a minimum and nothing said", { containers: [container("a")] }),
      ...range([{ type: "Pod", max: { cpu: "1" }, min: { cpu: "200m" } }]),
      dry("a pod as a whole: nothing said", { containers: [container("a")] }),
      dry("a pod as a whole: too much together", {
        containers: [
          container("a", { cpu: "500m" }, { cpu: "600m", memory: "1Mi" }),
          container("b", { cpu: "500m" }, { cpu: "600m", memory: "1Mi" }),
        ],
      }),
      dry("a pod as a whole: too much at the start", {
        containers: [container("a", { cpu: "500m" }, { cpu: "500m", memory: "1Mi" })],
        initContainers: [
          container("s", { cpu: "300m" }, { cpu: "300m", memory: "1Mi" }, { restartPolicy: "Always" }),
          container("i", { cpu: "800m" }, { cpu: "800m", memory: "1Mi" }),
        ],
      }),
      ...range([
        { type: "PersistentVolumeClaim", max: { storage: "2Gi" }, min: { storage: "1Gi" } },
        { type: "Pod", max: { cpu: "1" } },
      ]),
      claim("a claim within", "1Gi"),
      claim("a claim too small", "10Mi"),
      claim("a claim too large", "5Gi"),
      remove(`/api/v1/namespaces/${ns}`),
    ],
  };
}

function quotas(): Case {
  const ns = "quota-cases";
  const pod = podMaker(ns);
  const small = { containers: [container("a", { cpu: "100m", memory: "10Mi" }, { memory: "20Mi" })] };
  const service = (title: string, name: string, spec: Json): Exchange => ({
    title,
    method: "POST",
    path: `/api/v1/namespaces/${ns}/services`,
    body: { apiVersion: "v1", kind: "Service", metadata: { name }, spec: { selector: { a: "b" }, ...spec } },
  });
  const object = (title: string, path: string, body: Json): Exchange => ({ title, method: "POST", path, body });
  const map = (name: string) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name } });
  return {
    name: "quotas",
    exchanges: [
      ...namespace(ns),
      ...quota(ns, "compute", { hard: { pods: "2", "requests.cpu": "500m", "limits.memory": "1Gi", memory: "100Mi" } }),
      pod("nothing said where it must be", { containers: [container("a"), container("b", { cpu: "1m" })] }),
      pod("tried only", small, { dryRun: true }),
      pod("too much CPU", { containers: [container("a", { cpu: "600m", memory: "1Mi" }, { memory: "1Mi" })] }),
      pod("too much of two", { containers: [container("a", { cpu: "600m", memory: "200Mi" }, { memory: "200Mi" })] }),
      { ...pod("the first", small, { name: "one" }), silent: true },
      used("what the first uses", ns, "compute", ({ pods }) => pods === "1"),
      { ...pod("the second", small, { name: "two" }), silent: true },
      pod("one too many", small, { name: "three" }),
      {
        title: "delete one",
        method: "DELETE",
        path: `/api/v1/namespaces/${ns}/pods/one?gracePeriodSeconds=0`,
        silent: true,
      },
      used("what is left", ns, "compute", ({ pods }) => pods === "1"),
      { ...pod("room again", small, { name: "four" }), silent: true },
      used("full again", ns, "compute", ({ pods }) => pods === "2"),
      remove(`/api/v1/namespaces/${ns}/resourcequotas/compute`),
      ...quota(ns, "objects", {
        hard: {
          services: "2",
          "services.nodeports": "1",
          "services.loadbalancers": "0",
          "count/deployments.apps": "0",
          "count/configmaps": "2",
          "count/pods": "9",
        },
      }),
      { ...service("a service", "s1", { ports: [{ port: 80 }] }), silent: true },
      service("node ports beyond", "s2", {
        type: "NodePort",
        ports: [
          { port: 80, name: "a" },
          { port: 81, name: "b" },
        ],
      }),
      service("a balancer", "s3", {
        type: "LoadBalancer",
        ports: [{ port: 80 }],
        allocateLoadBalancerNodePorts: false,
      }),
      { ...object("a first map", `/api/v1/namespaces/${ns}/configmaps`, map("m1")), silent: true },
      object("a map too many", `/api/v1/namespaces/${ns}/configmaps`, map("m2")),
      object("a deployment", `/apis/apps/v1/namespaces/${ns}/deployments`, {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "d" },
        spec: {
          selector: { matchLabels: { a: "b" } },
          template: { metadata: { labels: { a: "b" } }, spec: { containers: [container("a")] } },
        },
      }),
      used("objects", ns, "objects", (usage) => usage["count/configmaps"] === "2" && usage["services"] === "1"),
      remove(`/api/v1/namespaces/${ns}/resourcequotas/objects`),
      ...quota(ns, "scoped", { hard: { pods: "0" }, scopes: ["BestEffort", "NotTerminating"] }),
      pod("within the scopes", { containers: [container("a")] }, { name: "best" }),
      pod(
        "with a deadline: outside",
        { containers: [container("a")], activeDeadlineSeconds: 10 },
        { name: "ends", dryRun: true },
      ),
      pod("with a request: outside", { containers: [container("a", { cpu: "1m" })] }, { name: "asks", dryRun: true }),
      remove(`/api/v1/namespaces/${ns}`),
    ],
  };
}

export const cases: Case[] = [limitRanges(), quotas()];
