import type { KubeObject, StatusError } from "@podwright/kube";
import { describe, expect, it } from "vitest";
import { openAdmission } from "../testing/admission-fixture.ts";

function pod(spec: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default", ...metadata },
    spec: { containers: [{ name: "c", image: "i" }], ...spec },
  };
}

const account = (extra: Record<string, unknown> = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "ServiceAccount",
  metadata: { name: "default", namespace: "default" },
  ...extra,
});

async function refusal(promise: Promise<unknown>): Promise<StatusError["status"]> {
  const error = await promise.then(
    () => undefined,
    (error: StatusError) => error,
  );
  return (error as StatusError).status;
}

describe("NamespaceLifecycle", () => {
  it("refuses objects of a namespace that does not exist", async () => {
    await using admission = await openAdmission();
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c", namespace: "nowhere" } };
    for (const operation of ["CREATE", "UPDATE"] as const) {
      const status = await refusal(admission.chain.mutate(admission.attributes({ object, operation })));
      expect(status).toMatchObject({ code: 404, reason: "NotFound", message: 'namespaces "nowhere" not found' });
    }
  });

  it("refuses new objects in a namespace that is going away, and lets the others be changed", async () => {
    await using admission = await openAdmission();
    const metadata = { name: "going" };
    await admission.put({ apiVersion: "v1", kind: "Namespace", metadata, status: { phase: "Terminating" } });
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c", namespace: "going" } };
    const status = await refusal(admission.chain.mutate(admission.attributes({ object })));
    expect(status).toEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message:
        'configmaps "c" is forbidden: unable to create new content in namespace going because it is being terminated',
      reason: "Forbidden",
      details: {
        name: "c",
        kind: "configmaps",
        causes: [
          {
            reason: "NamespaceTerminating",
            message: "namespace going is being terminated",
            field: "metadata.namespace",
          },
        ],
      },
      code: 403,
    });
    await admission.chain.mutate(admission.attributes({ object, operation: "UPDATE" }));
  });

  it("keeps the system's namespaces", async () => {
    await using admission = await openAdmission();
    const attributes = { resource: "v1/namespaces", operation: "DELETE" } as const;
    const status = await refusal(admission.chain.mutate(admission.attributes({ ...attributes, name: "kube-system" })));
    expect(status).toMatchObject({
      code: 403,
      message: 'namespaces "kube-system" is forbidden: this namespace may not be deleted',
    });
    await admission.chain.mutate(admission.attributes({ ...attributes, name: "kube-node-lease" }));
  });
});

describe("ServiceAccount", () => {
  it("gives a pod the default account and its token", async () => {
    await using admission = await openAdmission();
    await admission.put(account({ imagePullSecrets: [{ name: "registry" }] }));
    const attributes = admission.attributes({ resource: "v1/pods", object: pod() });
    await admission.chain.mutate(attributes);
    const spec = attributes.object?.["spec"];
    expect(spec.serviceAccountName).toBe("default");
    expect(spec.serviceAccount).toBe("default");
    expect(spec.imagePullSecrets).toEqual([{ name: "registry" }]);
    expect(spec.containers[0].volumeMounts).toEqual([
      {
        name: "kube-api-access-abcde",
        readOnly: true,
        mountPath: "/var/run/secrets/kubernetes.io/serviceaccount",
      },
    ]);
    expect(spec.volumes).toHaveLength(1);
    expect(spec.volumes[0]).toMatchObject({ name: "kube-api-access-abcde", projected: { defaultMode: 420 } });
  });

  it("leaves the token out when the account or the pod says so, and where something else is mounted", async () => {
    await using admission = await openAdmission();
    await admission.put(account({ automountServiceAccountToken: false }));
    const plain = admission.attributes({ resource: "v1/pods", object: pod() });
    await admission.chain.mutate(plain);
    expect(plain.object?.["spec"].volumes).toBeUndefined();

    const wanted = admission.attributes({
      resource: "v1/pods",
      object: pod({
        automountServiceAccountToken: true,
        containers: [
          { name: "a", volumeMounts: [{ name: "x", mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" }] },
          { name: "b" },
        ],
      }),
    });
    await admission.chain.mutate(wanted);
    const [a, b] = wanted.object?.["spec"].containers ?? [];
    expect(a.volumeMounts).toHaveLength(1);
    expect(b.volumeMounts[0].name).toBe("kube-api-access-abcde");
  });

  it("refuses a pod whose account does not exist", async () => {
    await using admission = await openAdmission();
    const object = pod({ serviceAccountName: "robot" });
    const status = await refusal(admission.chain.mutate(admission.attributes({ resource: "v1/pods", object })));
    expect(status).toMatchObject({
      code: 403,
      message:
        'pods "p" is forbidden: error looking up service account default/robot: serviceaccount "robot" not found',
      details: { name: "p", kind: "pods" },
    });
  });

  it("holds accounts that ask for it to the secrets they list", async () => {
    await using admission = await openAdmission();
    const annotations = { "kubernetes.io/enforce-mountable-secrets": "true" };
    await admission.put(account({ metadata: { name: "default", namespace: "default", annotations } }));
    const object = pod({ volumes: [{ name: "v", secret: { secretName: "s" } }], serviceAccountName: "default" });
    const status = await refusal(admission.chain.validate(admission.attributes({ resource: "v1/pods", object })));
    expect(status?.message).toBe(
      'pods "p" is forbidden: volume with secret.secretName="s" is not allowed because service account default does not reference that secret',
    );
  });
});

describe("Priority", () => {
  it("resolves the class, or the global default", async () => {
    await using admission = await openAdmission();
    await admission.put(account());
    const group = { apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass" };
    await admission.put({ ...group, metadata: { name: "high" }, value: 1000, preemptionPolicy: "Never" });
    const named = admission.attributes({ resource: "v1/pods", object: pod({ priorityClassName: "high" }) });
    await admission.chain.mutate(named);
    expect(named.object?.["spec"]).toMatchObject({ priority: 1000, preemptionPolicy: "Never" });

    const without = admission.attributes({ resource: "v1/pods", object: pod() });
    await admission.chain.mutate(without);
    expect(without.object?.["spec"]).toMatchObject({ priority: 0, preemptionPolicy: "PreemptLowerPriority" });

    await admission.put({ ...group, metadata: { name: "usual" }, value: 7, globalDefault: true });
    const defaulted = admission.attributes({ resource: "v1/pods", object: pod() });
    await admission.chain.mutate(defaulted);
    expect(defaulted.object?.["spec"]).toMatchObject({ priority: 7, priorityClassName: "usual" });
  });

  it("refuses a class that does not exist, a priority of the pod's own, and a second default", async () => {
    await using admission = await openAdmission();
    await admission.put(account());
    const create = (spec: Record<string, unknown>) =>
      refusal(admission.chain.mutate(admission.attributes({ resource: "v1/pods", object: pod(spec) })));
    expect((await create({ priorityClassName: "x" })).message).toBe(
      'pods "p" is forbidden: no PriorityClass with name x was found',
    );
    expect((await create({ priority: 5 })).message).toBe(
      'pods "p" is forbidden: the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name',
    );
    const group = { apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass" };
    await admission.put({ ...group, metadata: { name: "usual" }, value: 7, globalDefault: true });
    const object = { ...group, metadata: { name: "other" }, value: 8, globalDefault: true };
    const resource = "scheduling.k8s.io/v1/priorityclasses";
    expect((await refusal(admission.chain.validate(admission.attributes({ resource, object })))).message).toBe(
      'priorityclasses.scheduling.k8s.io "other" is forbidden: PriorityClass usual is already marked as default. Only one default can exist',
    );
  });
});

describe("DefaultTolerationSeconds", () => {
  it("adds what the pod does not say itself", async () => {
    await using admission = await openAdmission();
    await admission.put(account());
    const own = { key: "node.kubernetes.io/not-ready", operator: "Exists", tolerationSeconds: 1 };
    const attributes = admission.attributes({ resource: "v1/pods", object: pod({ tolerations: [own] }) });
    await admission.chain.mutate(attributes);
    expect(attributes.object?.["spec"].tolerations).toEqual([
      own,
      { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
    ]);
    const all = admission.attributes({ resource: "v1/pods", object: pod({ tolerations: [{ operator: "Exists" }] }) });
    await admission.chain.mutate(all);
    expect(all.object?.["spec"].tolerations).toHaveLength(1);
  });
});
