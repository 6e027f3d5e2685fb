import { type Call, fanOut, load, type Rate, send, type Target } from "./load.ts";

const objects = 2_000;
const inFlight = 16;

/** The rates of one API server: everything with 16 in flight and 2,000 objects. */
export interface Operations {
  configmap_create: Rate;
  pod_create: Rate;
  pod_get: Rate;
  pod_strategic_patch: Rate;
  list_2000_pods: Rate;
  list_200_of_2000_by_label: Rate;
  watch_fan_out_16: { events: number; per_s: number };
}

/** Measures the operations of an API server with no nodes, after a warm-up of writes and reads that is not counted. */
export async function measureOperations(target: Target): Promise<Operations> {
  await measureIn(target, "warm-up", 1_000);
  return measureIn(target, "bench", objects);
}

async function measureIn(target: Target, namespace: string, objects: number): Promise<Operations> {
  await must(target, {
    method: "POST",
    path: "/api/v1/namespaces",
    body: json({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }),
  });
  await must(target, {
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/serviceaccounts`,
    body: json({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "bench" } }),
  });
  const base = `/api/v1/namespaces/${namespace}`;
  const each = (call: (index: number) => Call, count = objects) =>
    Array.from({ length: count }, (_, index) => call(index));

  const configMap = (name: string) =>
    json({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, labels: { app: "bench" } },
      data: { key: "x".repeat(200) },
    });
  const configmap_create = await load(
    target,
    each((i) => ({ method: "POST", path: `${base}/configmaps`, body: configMap(`c-${i}`) })),
    inFlight,
  );
  const pod_create = await load(
    target,
    each((i) => ({ method: "POST", path: `${base}/pods`, body: pod(i) })),
    inFlight,
  );
  const pod_get = await load(
    target,
    each((i) => ({ method: "GET", path: `${base}/pods/p-${i % objects}` }), 3 * objects),
    inFlight,
  );
  const patch = json({
    metadata: { labels: { patched: "yes" } },
    spec: { containers: [{ name: "main", image: "app:2" }] },
  });
  const pod_strategic_patch = await load(
    target,
    each((i) => ({
      method: "PATCH",
      path: `${base}/pods/p-${i}`,
      body: patch,
      contentType: "application/strategic-merge-patch+json",
    })),
    inFlight,
  );
  const list_2000_pods = await load(
    target,
    each(() => ({ method: "GET", path: `${base}/pods` }), 60),
    inFlight,
  );
  const list_200_of_2000_by_label = await load(
    target,
    each(() => ({ method: "GET", path: `${base}/pods?labelSelector=tenth%3D0` }), 400),
    inFlight,
  );

  const { body } = await send(target, { method: "GET", path: `${base}/configmaps?limit=1` });
  const { resourceVersion } = JSON.parse(body.toString("utf8")).metadata;
  const watch_fan_out_16 = await fanOut(
    target,
    `${base}/configmaps?watch=1&resourceVersion=${resourceVersion}`,
    16,
    1_000,
    () =>
      load(
        target,
        each((i) => ({ method: "POST", path: `${base}/configmaps`, body: configMap(`w-${i}`) }), 1_000),
        inFlight,
      ),
  );
  return {
    configmap_create,
    pod_create,
    pod_get,
    pod_strategic_patch,
    list_2000_pods,
    list_200_of_2000_by_label,
    watch_fan_out_16,
  };
}

async function must(target: Target, call: Call): Promise<void> {
  const { status, body } = await send(target, call);
  if (status >= 300) throw new Error(`${call.path}: ${status} ${body.toString("utf8")}`);
}

function json(value: object): string {
  return JSON.stringify(value);
}

function pod(index: number): string {
  return json({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `p-${index}`, labels: { app: "bench", tenth: String(index % 10) } },
    spec: {
      // Nobody's: the real API server is measured without a scheduler, which would write to each pod.
      schedulerName: "none",
      serviceAccountName: "bench",
      containers: [
        {
          name: "main",
          image: "app:1",
          env: [{ name: "A", value: "1" }],
          ports: [{ containerPort: 8080 }],
          resources: { requests: { cpu: "100m", memory: "64Mi" }, limits: { memory: "128Mi" } },
        },
      ],
    },
  });
}
