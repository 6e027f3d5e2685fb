import {
  configMaps,
  customResourceDefinitions,
  type ResourceRef,
  roleBindings,
  roles,
  serviceAccounts,
} from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { afterAll, expect, test, vi } from "vitest";
import { openPackScene } from "./pack-scene.ts";
import { configTemplate } from "./sample-charts.ts";

const suffix = Math.random().toString(36).slice(2, 8);
const crd = (kind: string, description: string) => {
  const plural = `${kind.toLowerCase()}s`;
  return JSON.stringify({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${suffix}.example.com` },
    spec: {
      group: `${suffix}.example.com`,
      scope: "Namespaced",
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", description } },
        },
      ],
    },
  });
};

const { lane, on } = await openPackScene();
await on.chart("cfg", "0.1.0", { "config.yaml": configTemplate }, "a: x\n");
afterAll(async () => {
  const resource = lane.client.resource(customResourceDefinitions);
  for (const { metadata } of (await resource.list()).items) {
    if (metadata.name?.endsWith(`.${suffix}.example.com`)) await resource.delete(metadata.name);
  }
});

const create = (ref: ResourceRef, object: object) => lane.client.resource(ref).create(object as KubeObject);

/** A service account that may do this in its namespace. */
async function account(namespace: string, rules: object[]): Promise<void> {
  const metadata = { name: "deployer", namespace };
  const apiVersion = "rbac.authorization.k8s.io/v1";
  await create(serviceAccounts, { apiVersion: "v1", kind: "ServiceAccount", metadata });
  await create(roles, { apiVersion, kind: "Role", metadata, rules });
  await create(roleBindings, {
    apiVersion,
    kind: "RoleBinding",
    metadata,
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "deployer" },
    subjects: [{ kind: "ServiceAccount", name: "deployer", namespace }],
  });
}

const all = ["get", "list", "watch", "create", "update", "patch", "delete"];
const secretsToo = { apiGroups: [""], resources: ["secrets"], verbs: all };

test("with serviceAccountName helm may do what the account may, and no more", async () => {
  const namespace = await lane.namespace("rights");
  await account(namespace, [secretsToo]);
  await on.create(namespace, "limited", { chart: on.chartOf("cfg"), serviceAccountName: "deployer" });
  expect(await on.condition(namespace, "limited", "Ready", "False", "InstallFailed")).toMatch(
    new RegExp(`configmaps.* is forbidden: User "system:serviceaccount:${namespace}:deployer" cannot`),
  );
  const rules = [secretsToo, { apiGroups: [""], resources: ["configmaps"], verbs: all }];
  await lane.client.resource(roles).patch("deployer", namespace, { rules }, { type: "merge" });
  await on.merge(namespace, "limited", { metadata: { annotations: { "podwright.dev/requested-at": "1" } } });
  await on.condition(namespace, "limited", "Ready", "True");

  // Plans and drift are the account's, too.
  await on.merge(namespace, "limited", { spec: { values: { a: "y" }, driftDetection: { mode: "correct" } } });
  await on.condition(namespace, "limited", "Drifted", "False", "NoDrift");
  expect((await on.get(namespace, "limited"))["status"].plan).toMatchObject({
    revision: expect.any(Number),
    changes: [{ op: "update" }],
  });
  const resource = lane.client.resource(configMaps);
  await resource.patch("limited", namespace, { data: { a: "by hand" } }, { type: "merge" });
  await vi.waitFor(async () => expect((await resource.get("limited", namespace))["data"]).toEqual({ a: "y" }), {
    timeout: 20_000,
    interval: 50,
  });
});

test("another namespace is out of an account's reach", async () => {
  const namespace = await lane.namespace("rights");
  const other = await lane.namespace("other");
  await account(namespace, [secretsToo, { apiGroups: [""], resources: ["configmaps"], verbs: all }]);
  await on.create(namespace, "abroad", {
    chart: on.chartOf("cfg"),
    serviceAccountName: "deployer",
    targetNamespace: other,
  });
  expect(await on.condition(namespace, "abroad", "Ready", "False", "InstallFailed")).toContain("forbidden");
  await expect(lane.client.resource(configMaps).get("abroad", other)).rejects.toMatchObject({ code: 404 });
});

test("the definitions of a chart are not put in with more rights than the account has", async () => {
  const namespace = await lane.namespace("rights");
  await account(namespace, [secretsToo, { apiGroups: [""], resources: ["configmaps"], verbs: all }]);
  await on.chart("mine", "0.1.0", { "config.yaml": configTemplate, "../crds/a.yaml": crd("Mine", "x") }, "a: x\n");
  await on.create(namespace, "sneaky", {
    chart: on.chartOf("mine"),
    serviceAccountName: "deployer",
    install: { crds: "CreateReplace" },
  });
  await on.until(namespace, "sneaky", ({ status }) => expect(JSON.stringify(status)).toContain("forbidden"));
  await expect(
    lane.client.resource(customResourceDefinitions).get(`mines.${suffix}.example.com`),
  ).rejects.toMatchObject({ code: 404 });
});

test("the definitions of a chart come, stay out or are replaced, as the Pack says", async () => {
  const namespace = await lane.namespace("crds");
  const resource = lane.client.resource(customResourceDefinitions);
  const description = async (kind: string) => {
    const found = await resource.get(`${kind.toLowerCase()}s.${suffix}.example.com`).catch(() => undefined);
    return found?.["spec"].versions[0].schema.openAPIV3Schema.description;
  };
  const chart = (version: string, ...kinds: string[]) =>
    on.chart(
      "crds",
      version,
      Object.fromEntries([
        ["config.yaml", configTemplate],
        ...kinds.map((kind) => [`../crds/${kind.toLowerCase()}.yaml`, crd(kind, version)]),
      ]),
      "a: x\n",
    );
  await chart("0.1.0", "One");
  await on.create(namespace, "none", { chart: on.chartOf("crds"), install: { crds: "Skip" } });
  await on.condition(namespace, "none", "Ready", "True");
  expect(await description("One")).toBeUndefined();

  await on.create(namespace, "crds", { chart: on.chartOf("crds") });
  await on.condition(namespace, "crds", "Ready", "True");
  expect(await description("One")).toBe("0.1.0");

  await chart("0.2.0", "One", "Two");
  await on.merge(namespace, "crds", { spec: { chart: { version: "0.2.0" } } });
  await on.until(namespace, "crds", ({ status }) => expect(status.chart.version).toBe("0.2.0"));
  expect([await description("One"), await description("Two")]).toEqual(["0.1.0", undefined]);

  await chart("0.3.0", "One", "Two");
  await on.merge(namespace, "crds", { spec: { chart: { version: "0.3.0" }, upgrade: { crds: "Create" } } });
  await on.until(namespace, "crds", ({ status }) => expect(status.chart.version).toBe("0.3.0"));
  expect([await description("One"), await description("Two")]).toEqual(["0.1.0", "0.3.0"]);

  await chart("0.4.0", "One", "Two");
  await on.merge(namespace, "crds", { spec: { chart: { version: "0.4.0" }, upgrade: { crds: "CreateReplace" } } });
  await on.until(namespace, "crds", ({ status }) => expect(status.chart.version).toBe("0.4.0"));
  expect([await description("One"), await description("Two")]).toEqual(["0.4.0", "0.4.0"]);
});
