import { secrets } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { expect, test } from "vitest";
import type { Container, Node, Pod, Service } from "../../kinds.ts";
import { podOf } from "../../testing/objects.ts";
import { containerEnvironment, type EnvironmentSources } from "./container-environment.ts";
import { envFileValue } from "./env-file.ts";
import { expandCommand, expandSubPath } from "./expansion.ts";
import { serviceVariables } from "./service-variables.ts";

const node: Node = {
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "n" },
  status: { allocatable: { cpu: "3800m", memory: "8Gi", "ephemeral-storage": "10Gi" } },
};

const configMap = { metadata: { name: "cfg" }, data: { KEY: "from cfg", "dotted.key": "d", BOTH: "cfg" } };
const secret = { metadata: { name: "sec" }, data: { PASS: Buffer.from("word").toString("base64") } };

const sources: EnvironmentSources = {
  objects: {
    async get<T extends KubeObject>(resource: { resource: string }, _namespace: string | undefined, name: string) {
      const known = resource === secrets ? { sec: secret } : { cfg: configMap };
      return (known as Record<string, unknown>)[name] as T | undefined;
    },
  },
  services: [],
  node,
  podIps: ["10.1.0.5", "fd00::5"],
  hostIps: ["192.168.0.1"],
  readVolumeFile: async () => "A='1'\nB='two\nlines' # note\n",
};

function podWith(container: Partial<Container>): Pod {
  const pod = podOf("web-0", [{ name: "c", ...container }], {
    nodeName: "n",
    serviceAccountName: "robot",
    enableServiceLinks: false,
  });
  Object.assign(pod.metadata, { uid: "u-1", labels: { "app/x": 'a"b', b: "2" }, annotations: { note: "hi" } });
  return pod;
}

async function variablesOf(container: Partial<Container>, more: Partial<EnvironmentSources> = {}) {
  const pod = podWith(container);
  const env = await containerEnvironment(pod, pod.spec.containers[0] as Container, { ...sources, ...more });
  return Object.fromEntries(env.map(({ name, value }) => [name, value]));
}

test("values expand variables that come before them, of whole objects and of Services too", async () => {
  const env = await variablesOf({
    envFrom: [{ configMapRef: { name: "cfg" } }, { prefix: "S_", secretRef: { name: "sec" } }],
    env: [
      { name: "A", value: "1" },
      { name: "BOTH", value: "own" },
      { name: "B", value: "$(A)/$(KEY)/$(S_PASS)/$(LATER)/$$(A)/$(BOTH)" },
      { name: "LATER", value: "x" },
      { name: "EMPTY", value: "" },
    ],
  });
  expect(env).toEqual({
    KEY: "from cfg",
    "dotted.key": "d",
    S_PASS: "word",
    A: "1",
    BOTH: "own",
    B: "1/from cfg/word/$(LATER)/$(A)/own",
    LATER: "x",
    EMPTY: "",
  });
});

test.each([
  ["metadata.name", "web-0"],
  ["metadata.namespace", "default"],
  ["metadata.uid", "u-1"],
  ["metadata.labels['app/x']", 'a"b'],
  ["metadata.labels['none']", ""],
  ["metadata.annotations['note']", "hi"],
  ["metadata.labels", 'app/x="a\\"b"\nb="2"'],
  ["spec.nodeName", "n"],
  ["spec.serviceAccountName", "robot"],
  ["status.podIP", "10.1.0.5"],
  ["status.podIPs", "10.1.0.5,fd00::5"],
  ["status.hostIP", "192.168.0.1"],
  ["status.hostIPs", "192.168.0.1"],
])("the pod's field %s is %j", async (fieldPath, value) => {
  expect(await variablesOf({ env: [{ name: "X", valueFrom: { fieldRef: { fieldPath } } }] })).toEqual({ X: value });
});

test("labels and annotations are quoted as Go does it", async () => {
  const pod = podWith({ env: [{ name: "X", valueFrom: { fieldRef: { fieldPath: "metadata.annotations" } } }] });
  pod.metadata.annotations = { note: 'line\nnext\t"q" \\ é \u0001\u200b😀' };
  const env = await containerEnvironment(pod, pod.spec.containers[0] as Container, sources);
  expect(env[0]?.value).toBe('note="line\\nnext\\t\\"q\\" \\\\ é \\x01\\u200b😀"');
});

test.each([
  ["limits.cpu", undefined, "1"],
  ["limits.cpu", "1m", "250"],
  ["requests.cpu", "1m", "100"],
  ["limits.memory", "1Mi", "64"],
  ["limits.memory", "0", String(64 << 20)],
  ["limits.ephemeral-storage", "1Gi", "10"],
  ["requests.memory", undefined, "0"],
  ["limits.hugepages-2Mi", "1Mi", "0"],
])("the resource %s by %s is %s", async (resource, divisor, value) => {
  const resourceFieldRef = divisor === undefined ? { resource } : { resource, divisor };
  const env = await variablesOf({
    resources: { limits: { cpu: "250m", memory: "64Mi" }, requests: { cpu: "100m" } },
    env: [{ name: "X", valueFrom: { resourceFieldRef } }],
  });
  expect(env).toEqual({ X: value });
});

test("limits that are not set are what the node can give", async () => {
  const valueFrom = { resourceFieldRef: { resource: "limits.cpu", divisor: "1m" } };
  expect(await variablesOf({ env: [{ name: "X", valueFrom }] })).toEqual({ X: "3800" });
});

test("a key from a file in a volume", async () => {
  const key = (name: string, optional = false) => ({
    env: [{ name: "X", valueFrom: { fileKeyRef: { volumeName: "v", path: "env", key: name, optional } } }],
  });
  expect(await variablesOf(key("B"))).toEqual({ X: "two\nlines" });
  expect(await variablesOf(key("C", true))).toEqual({});
  await expect(variablesOf(key("C"))).rejects.toThrow('environment variable key "C" not found in file "env"');
});

test("what is optional may be missing", async () => {
  const env = await variablesOf({
    envFrom: [{ configMapRef: { name: "none", optional: true } }],
    env: [
      { name: "X", valueFrom: { configMapKeyRef: { name: "none", key: "k", optional: true } } },
      { name: "Y", valueFrom: { secretKeyRef: { name: "sec", key: "k", optional: true } } },
    ],
  });
  expect(env).toEqual({});
});

test.each<[Partial<Container>, string]>([
  [{ envFrom: [{ configMapRef: { name: "none" } }] }, 'configmap "none" not found'],
  [{ envFrom: [{ secretRef: { name: "none" } }] }, 'secret "none" not found'],
  [
    { env: [{ name: "X", valueFrom: { configMapKeyRef: { name: "cfg", key: "k" } } }] },
    "couldn't find key k in ConfigMap default/cfg",
  ],
  [
    { env: [{ name: "X", valueFrom: { secretKeyRef: { name: "sec", key: "k" } } }] },
    "couldn't find key k in Secret default/sec",
  ],
  [{ env: [{ name: "X", valueFrom: { secretKeyRef: { name: "none", key: "k" } } }] }, 'secret "none" not found'],
  [{ env: [{ name: "X", valueFrom: { fieldRef: { fieldPath: "spec.x" } } }] }, "unsupported fieldPath: spec.x"],
])("what is missing is said as upstream says it: %j", async (container, message) => {
  await expect(variablesOf(container)).rejects.toMatchObject({
    reason: "CreateContainerConfigError",
    message,
  });
});

function service(name: string, namespace: string, spec: Service["spec"]): Service {
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace }, spec };
}
const services = [
  service("kubernetes", "default", { clusterIP: "10.96.0.1", ports: [{ name: "https", port: 443, protocol: "TCP" }] }),
  service("my-db", "shop", {
    clusterIP: "10.96.1.1",
    ports: [{ port: 5432 }, { name: "dns-udp", port: 53, protocol: "UDP" }],
  }),
  service("six", "shop", { clusterIP: "fd00::1", ports: [{ port: 80 }] }),
  service("headless", "shop", { clusterIP: "None", ports: [{ port: 80 }] }),
  service("other", "elsewhere", { clusterIP: "10.96.2.2", ports: [{ port: 80 }] }),
];

test("Services of the namespace give variables, and the API server's always", () => {
  expect(serviceVariables(services, "shop", false)).toEqual({
    KUBERNETES_SERVICE_HOST: "10.96.0.1",
    KUBERNETES_SERVICE_PORT: "443",
    KUBERNETES_SERVICE_PORT_HTTPS: "443",
    KUBERNETES_PORT: "tcp://10.96.0.1:443",
    KUBERNETES_PORT_443_TCP: "tcp://10.96.0.1:443",
    KUBERNETES_PORT_443_TCP_PROTO: "tcp",
    KUBERNETES_PORT_443_TCP_PORT: "443",
    KUBERNETES_PORT_443_TCP_ADDR: "10.96.0.1",
  });
  const linked = serviceVariables(services, "shop", true);
  expect(linked).toMatchObject({
    MY_DB_SERVICE_HOST: "10.96.1.1",
    MY_DB_SERVICE_PORT: "5432",
    MY_DB_SERVICE_PORT_DNS_UDP: "53",
    MY_DB_PORT_53_UDP: "udp://10.96.1.1:53",
    SIX_PORT: "tcp://[fd00::1]:80",
  });
  expect(Object.keys(linked).filter((name) => /HEADLESS|OTHER/.test(name))).toEqual([]);
});

test("variables of Services come first and are covered by the container's own", async () => {
  const env = await variablesOf(
    {
      env: [
        { name: "KUBERNETES_SERVICE_HOST", value: "mine" },
        { name: "U", value: "$(KUBERNETES_SERVICE_PORT)" },
      ],
    },
    { services },
  );
  expect(env).toMatchObject({ KUBERNETES_SERVICE_HOST: "mine", U: "443" });
});

test("commands and arguments expand variables that there are", () => {
  const container: Container = { name: "c", command: ["sh", "-c", "echo $(A) $(B) $$(A) $(open"], args: ["$(A)"] };
  expect(expandCommand(container, [{ name: "A", value: "1" }])).toEqual({
    command: ["sh", "-c", "echo 1 $(B) $(A) $(open"],
    args: ["1"],
  });
  expect(expandCommand({ name: "c" }, [])).toEqual({ command: undefined, args: undefined });
});

test("a subPathExpr needs all its variables", () => {
  expect(expandSubPath("logs/$(POD)", [{ name: "POD", value: "p" }])).toBe("logs/p");
  expect(() => expandSubPath("$(Z)/$(A)", [{ name: "A", value: "" }])).toThrow("missing value for A, Z");
});

test.each([
  ["A", "x='1'\n\n# A='no'\n  A='yes' # so", "yes"],
  ["A", "A= 'blank'", ""],
  ["B", "A='1'", ""],
])("the value of %s in %j is %j", (key, text, value) => {
  expect(envFileValue(text, key)).toBe(value);
});

test.each([
  ["A", "invalid environment variable format at line 1: missing '='"],
  ["A ='1'", "invalid environment variable format at line 1: whitespace before '=' is not allowed"],
  ["\nA=1", "invalid environment variable format at line 2: value must be enclosed in single quotes"],
  ["A='1", "invalid environment variable format starting at line 1: unclosed single quote"],
  ["A='1' x", "invalid environment variable format at line 1: unexpected content after closing quote"],
])("%j is no file of variables", (text, message) => {
  expect(() => envFileValue(text, "Z")).toThrow(message);
});
