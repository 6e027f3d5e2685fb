import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { configMaps, events, persistentVolumeClaims, persistentVolumes, pods, secrets } from "@podwright/client";
import { until } from "@podwright/cluster/testing";
import type { KubeObject } from "@podwright/kube";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { onRealCluster } from "../lane.ts";
import { type NodeLane, nodeLaneMissing, openNodeLane } from "../node-lane.ts";

const patience = { timeout: 30_000, interval: 200 };

const why = nodeLaneMissing === undefined ? "" : ` (${nodeLaneMissing})`;

describe.skipIf(nodeLaneMissing !== undefined)(`What pods find in their files${why}`, { timeout: 120_000 }, () => {
  let lane: NodeLane;
  let namespace: string;
  beforeAll(async () => {
    lane = await openNodeLane();
    namespace = await lane.namespace("volumes");
    await make(configMaps, configMap("cfg", { a: "1", b: "2" }));
    await make(secrets, { ...object("Secret", "sec"), stringData: { user: "me", pass: "word" } });
  });
  afterAll(() => lane?.close());

  const object = (kind: string, name: string): KubeObject => ({
    apiVersion: "v1",
    kind,
    metadata: { name, namespace },
  });
  const configMap = (name: string, data: object): KubeObject => ({ ...object("ConfigMap", name), data });
  const make = (resource: typeof pods, wanted: KubeObject) => lane.client.resource(resource).create(wanted);
  const container = { name: "c", image: "busybox:1.36", imagePullPolicy: "IfNotPresent", command: ["sleep", "600"] };

  /** With one container; its volumes are mounted at /v/NAME where it says nothing else. */
  async function makePod(name: string, volumes: object[], more: object = {}, spec: object = {}): Promise<KubeObject> {
    const volumeMounts = volumes.map((volume) => {
      const { name: of } = volume as { name: string };
      return { name: of, mountPath: `/v/${of}` };
    });
    return make(pods, {
      ...object("Pod", name),
      spec: {
        restartPolicy: "Never",
        terminationGracePeriodSeconds: 0,
        nodeName: lane.node,
        automountServiceAccountToken: false,
        volumes,
        containers: [{ ...container, volumeMounts, ...more }],
        ...spec,
      },
    });
  }

  const isRunning = (name: string) =>
    until(lane.client, pods, name, ({ status }) => status?.phase === "Running", namespace, 60);
  /** What a command in the pod prints. */
  async function inPod(name: string, script: string): Promise<string> {
    const { code, stdout, stderr } = await lane.kubectl([
      "-n",
      namespace,
      "exec",
      name,
      "-c",
      "c",
      "--",
      "sh",
      "-c",
      script,
    ]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    return stdout;
  }
  const told = (name: string, message: string) =>
    vi.waitFor(async () => {
      const fieldSelector = `involvedObject.name=${name}`;
      const { items } = await lane.client.resource(events).list({ namespace, fieldSelector });
      expect(items.map((event) => `${event["type"]} ${event["reason"]}: ${event["message"]}`)).toContain(message);
    }, patience);

  test("files, links, owners and modes", async () => {
    const items = [
      { key: "a", path: "x/y", mode: 0o755 },
      { key: "b", path: "z" },
    ];
    const token = { serviceAccountToken: { path: "token", audience: "me", expirationSeconds: 600 } };
    await makePod(
      "modes",
      [
        { name: "all", configMap: { name: "cfg" } },
        { name: "some", configMap: { name: "cfg", defaultMode: 0o400, items } },
        { name: "sec", secret: { secretName: "sec", defaultMode: 0o400 } },
        { name: "proj", projected: { sources: [{ configMap: { name: "cfg", items } }, token] } },
        { name: "tmp", emptyDir: {} },
        { name: "mem", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
      ],
      {},
      { securityContext: { fsGroup: 4242, runAsUser: 1000 } },
    );
    await isRunning("modes");
    const expected = await readFile(new URL("volume-files.txt", import.meta.url), "utf8");
    const list = `cd /v; find . -exec stat -c '%A %u:%g %N' {} + | sed "s/\\.\\.20[0-9a-f_.]*/..TIME/g; s/'//g" | sort -k 3`;
    expect((await inPod("modes", list)).trim().split("\n").slice(1)).toEqual(expected.trim().split("\n"));
    expect(await inPod("modes", "grep ' /v/mem ' /proc/mounts")).toMatch(/^tmpfs .*size=1024k/);
    expect(await inPod("modes", "touch /v/all/new 2>/dev/null || id -u; touch /v/tmp/new && cat /v/sec/user")).toBe(
      "1000\nme",
    );
  });

  test("variables, commands and the hosts file", async () => {
    const field = (fieldPath: string) => ({ fieldRef: { fieldPath } });
    const resource = (name: string, divisor: string) => ({ resourceFieldRef: { resource: name, divisor } });
    await makePod(
      "env",
      [],
      {
        command: ["sh", "-c", "echo '$(A) $(NO) $$(A)' > /out; exec sleep 600"],
        resources: { limits: { cpu: "100m", memory: "64Mi" } },
        envFrom: [{ configMapRef: { name: "cfg" } }, { prefix: "S_", secretRef: { name: "sec" } }],
        env: [
          { name: "A", value: "first" },
          { name: "B", value: "$(A)-$(a)-$(S_user)-$(NO)-$$(A)" },
          { name: "NAME", valueFrom: field("metadata.name") },
          { name: "IP", valueFrom: field("status.podIP") },
          { name: "LABEL", valueFrom: field("metadata.labels['none']") },
          { name: "CPU", valueFrom: resource("limits.cpu", "1m") },
          { name: "MEMORY", valueFrom: resource("limits.memory", "1Mi") },
          { name: "MAYBE", valueFrom: { configMapKeyRef: { name: "none", key: "k", optional: true } } },
        ],
      },
      { hostname: "host", subdomain: "sub", hostAliases: [{ ip: "10.9.9.9", hostnames: ["x", "x.example"] }] },
    );
    const { status } = await isRunning("env");
    const wanted = "^(A|B|NAME|IP|LABEL|CPU|MEMORY|MAYBE|a|b|S_.*|KUBERNETES_SERVICE_PORT|HOSTNAME)=";
    expect((await inPod("env", `env | grep -E '${wanted}' | sort; cat /out`)).trim().split("\n")).toEqual([
      "A=first",
      "B=first-1-me-$(NO)-$(A)",
      "CPU=100",
      "HOSTNAME=host",
      `IP=${status.podIP}`,
      "KUBERNETES_SERVICE_PORT=443",
      "LABEL=",
      "MEMORY=64",
      "NAME=env",
      "S_pass=word",
      "S_user=me",
      "a=1",
      "b=2",
      "first $(NO) $(A)",
    ]);
    expect(await inPod("env", "tail -n 5 /etc/hosts; hostname")).toBe(
      `fe00::2\tip6-allrouters\n${status.podIP}\thost.sub.${namespace}.svc.cluster.local\thost\n\n# Entries added by HostAliases.\n10.9.9.9\tx\tx.example\nhost\n`,
    );
  });

  test("what is missing is told and waited for", async () => {
    await makePod("waits", [{ name: "late", configMap: { name: "late" } }]);
    await told("waits", 'Warning FailedMount: MountVolume.SetUp failed for volume "late" : configmap "late" not found');
    const env = [{ name: "X", valueFrom: { configMapKeyRef: { name: "late", key: "k" } } }];
    await makePod("config", [], { env });
    const waiting = { reason: "CreateContainerConfigError", message: 'configmap "late" not found' };
    await vi.waitFor(async () => {
      const { status } = await lane.client.resource(pods).get("config", namespace);
      expect(status.containerStatuses[0].state.waiting).toEqual(waiting);
    }, patience);
    await make(configMaps, configMap("late", { k: "v" }));
    await Promise.all([isRunning("waits"), isRunning("config")]);
    expect(await inPod("waits", "cat /v/late/k")).toBe("v");
    expect(await inPod("config", "echo $X")).toBe("v\n");
  });

  test("files follow the ConfigMap and the pod, all at once", async () => {
    await make(configMaps, configMap("live", { one: "old", two: "old" }));
    const downwardAPI = { items: [{ path: "note", fieldRef: { fieldPath: "metadata.annotations['note']" } }] };
    const part = { name: "live", mountPath: "/part", subPath: "one" };
    const mounts = [{ name: "live", mountPath: "/v/live" }, { name: "pod", mountPath: "/v/pod" }, part];
    await makePod(
      "live",
      [
        { name: "live", configMap: { name: "live" } },
        { name: "pod", downwardAPI },
      ],
      {
        volumeMounts: mounts,
      },
    );
    await isRunning("live");
    const data = { one: "new", three: "new", two: null };
    await lane.client.resource(configMaps).patch("live", namespace, { data }, { type: "merge" });
    // A kubelet looks at a pod's volumes again when the pod changes, else every minute or so.
    const annotations = { note: "changed" };
    await lane.client.resource(pods).patch("live", namespace, { metadata: { annotations } }, { type: "merge" });
    await vi.waitFor(
      async () => expect(await inPod("live", "cd /v/live; echo *; cat one /v/pod/note")).toBe("one three\nnewchanged"),
      { timeout: 100_000, interval: 200 },
    );
    // What is mounted alone stays as it was.
    expect(await inPod("live", "cat /part")).toBe("old");
  });

  test("a part of a volume is made where it is not there, and never outside of the volume", async () => {
    const volumes = [{ name: "v", emptyDir: {} }];
    const init = {
      ...container,
      name: "init",
      command: ["sh", "-c", "mkdir /v/in && echo inside > /v/in/f && ln -s / /v/out && ln -s in /v/link"],
      volumeMounts: [{ name: "v", mountPath: "/v" }],
    };
    const mount = (subPath: string) => ({ volumeMounts: [{ name: "v", mountPath: "/part", subPath }] });
    await makePod("parts", volumes, mount("new/deep"), { initContainers: [init] });
    await makePod("linked", volumes, mount("link"), { initContainers: [init] });
    await makePod("escapes", volumes, mount("out/etc"), { initContainers: [init] });
    await Promise.all([isRunning("parts"), isRunning("linked")]);
    expect(await inPod("parts", "stat -c %A /part")).toBe("drwxrwxrwx\n");
    expect(await inPod("linked", "cat /part/f")).toBe("inside\n");
    const message = 'failed to prepare subPath for volumeMount "v" of container "c"';
    await vi.waitFor(async () => {
      const { status } = await lane.client.resource(pods).get("escapes", namespace);
      const { waiting } = status.containerStatuses[0].state;
      expect(waiting).toEqual({ reason: "CreateContainerConfigError", message });
    }, patience);
  });

  test("a claim's volume keeps what is written to it; a claim of the pod's own goes with it", async () => {
    const claimSpec = {
      storageClassName: namespace,
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "1Gi" } },
    };
    const capacity = { storage: "1Gi" };
    for (const name of ["one", "two"]) {
      const hostPath = { path: `/tmp/${namespace}/${name}`, type: "DirectoryOrCreate" };
      await lane.client.resource(persistentVolumes).create({
        apiVersion: "v1",
        kind: "PersistentVolume",
        metadata: { name: `${namespace}-${name}` },
        spec: { capacity, accessModes: ["ReadWriteOnce"], storageClassName: namespace, hostPath },
      });
    }
    try {
      await make(persistentVolumeClaims, { ...object("PersistentVolumeClaim", "data"), spec: claimSpec });
      await until(
        lane.client,
        persistentVolumeClaims,
        "data",
        ({ status }) => status?.phase === "Bound",
        namespace,
        60,
      );
      const data = [{ name: "data", persistentVolumeClaim: { claimName: "data" } }];
      await makePod("writer", data, { command: ["sh", "-c", "echo kept > /v/data/f; exec sleep 600"] });
      await isRunning("writer");
      await vi.waitFor(async () => expect(await inPod("writer", "cat /v/data/f")).toBe("kept\n"), patience);
      await lane.client.resource(pods).delete("writer", namespace);
      await makePod("reader", data);
      await isRunning("reader");
      expect(await inPod("reader", "cat /v/data/f")).toBe("kept\n");

      const own = [{ name: "own", ephemeral: { volumeClaimTemplate: { spec: claimSpec } } }];
      await makePod("owner", own);
      await isRunning("owner");
      expect(await inPod("owner", "touch /v/own/f && ls /v/own")).toBe("f\n");
      await lane.client.resource(pods).delete("owner", namespace);
      await vi.waitFor(
        async () =>
          await expect(lane.client.resource(persistentVolumeClaims).get("owner-own", namespace)).rejects.toMatchObject({
            code: 404,
          }),
        patience,
      );
    } finally {
      for (const name of ["one", "two"]) await lane.client.resource(persistentVolumes).delete(`${namespace}-${name}`);
    }
  });

  // Real clusters have provisioners of their own.
  test.skipIf(onRealCluster)(
    "a claim of the default class gets a folder for whoever runs, which goes with it",
    async () => {
      const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
      await make(persistentVolumeClaims, { ...object("PersistentVolumeClaim", "ours"), spec });
      const volumes = [{ name: "data", persistentVolumeClaim: { claimName: "ours" } }];
      const anybody = { securityContext: { runAsUser: 1234 }, nodeName: undefined };
      await makePod("nobody", volumes, { command: ["sh", "-c", "echo mine > /v/data/f; exec sleep 600"] }, anybody);
      await isRunning("nobody");
      await vi.waitFor(
        async () => expect(await inPod("nobody", "stat -c '%u %A' /v/data/f /v/data")).toContain("1234 -rw"),
        patience,
      );
      const claim = await lane.client.resource(persistentVolumeClaims).get("ours", namespace);
      const volume = await lane.client.resource(persistentVolumes).get(claim["spec"].volumeName);
      const { path } = volume["spec"].hostPath;
      expect(await readFile(join(path, "f"), "utf8")).toBe("mine\n");
      await lane.client.resource(pods).delete("nobody", namespace);
      await lane.client.resource(persistentVolumeClaims).delete("ours", namespace);
      await vi.waitFor(async () => await expect(stat(path)).rejects.toThrow("ENOENT"), patience);
    },
  );
});
