import { describe, expect, test } from "vitest";
import type { StructFacts, TypeRef } from "./facts.ts";
import { nativeTypes } from "./table.ts";

const types = nativeTypes();
const core = "io.k8s.api.core.v1";
const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";

function struct(name: string): StructFacts {
  const found = types.struct(name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

describe("kinds", () => {
  test("say what discovery says", () => {
    expect(types.kind("apps", "v1", "Deployment")).toEqual({
      group: "apps",
      version: "v1",
      kind: "Deployment",
      plural: "deployments",
      singular: "deployment",
      listKind: "DeploymentList",
      namespaced: true,
      shortNames: ["deploy"],
      categories: ["all"],
      verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
      storageVersionHash: "8aSe+NMegvE=",
      subresources: [
        { name: "scale", kind: "Scale", group: "autoscaling", version: "v1", verbs: ["get", "patch", "update"] },
        { name: "status", kind: "Deployment", verbs: ["get", "patch", "update"] },
      ],
      type: "io.k8s.api.apps.v1.Deployment",
    });
    expect(types.kind("", "v1", "Node")?.namespaced).toBe(false);
    expect(types.kind("apps", "v1beta1", "Deployment")).toBeUndefined();
  });

  test("are of generally available versions, newest first", () => {
    const versions = new Set(types.kinds.map((kind) => `${kind.group}/${kind.version}`));
    expect(versions.size).toBe(22);
    for (const version of versions) expect(version).toMatch(/\/v\d+$/);
    const autoscaling = types.kinds.filter((kind) => kind.group === "autoscaling").map((kind) => kind.version);
    expect(autoscaling).toEqual(["v2", "v1"]);
  });

  test("have a struct each, and so have their lists", () => {
    for (const { group, version, kind, listKind, type, verbs } of types.kinds) {
      expect(types.structOfKind(group, version, kind)?.name).toBe(type);
      if (verbs.includes("list")) expect(types.structOfKind(group, version, listKind), listKind).toBeDefined();
    }
  });

  test("of bodies are found where clients send them", () => {
    expect(types.structOfKind("autoscaling", "v1", "Scale")?.name).toBe("io.k8s.api.autoscaling.v1.Scale");
    expect(types.structOfKind("policy", "v1", "Eviction")?.name).toBe("io.k8s.api.policy.v1.Eviction");
    expect(types.structOfKind("", "v1", "Status")?.name).toBe(`${meta}.Status`);
    expect(types.structOfKind("apps", "v1", "DeleteOptions")?.name).toBe(`${meta}.DeleteOptions`);
    expect(types.structOfKind("example.com", "v1", "DeleteOptions")?.name).toBe(`${meta}.DeleteOptions`);
    expect(types.structOfKind("admission.k8s.io", "v1", "AdmissionReview")).toBeDefined();
    expect(types.structOfKind("", "v1", "PodSpec")).toBeUndefined();
    expect(types.structOfKind("", "v1", "constructor")).toBeUndefined();
  });
});

describe("structs", () => {
  test("have their fields' facts", () => {
    const container = struct(`${core}.Container`);
    expect(container.fields.get("ports")).toEqual({
      name: "ports",
      proto: 6,
      type: { type: "list", element: { type: "struct", name: `${core}.ContainerPort` } },
      pointer: false,
      required: false,
      omitEmpty: true,
      omitZero: false,
      inline: false,
      zeroDefault: false,
      patchStrategies: ["merge"],
      patchMergeKey: "containerPort",
      listType: "map",
      listMapKeys: ["containerPort", "protocol"],
    });
    expect(struct(`${core}.ContainerPort`).fields.get("protocol")).toMatchObject({
      default: "TCP",
      enum: ["SCTP", "TCP", "UDP"],
    });
    expect(struct("io.k8s.api.apps.v1.DeploymentSpec").fields.get("replicas")).toMatchObject({
      pointer: true,
      proto: 1,
    });
    expect(struct(`${core}.PodSpec`).fields.get("volumes")?.patchStrategies).toEqual(["merge", "retainKeys"]);
    expect(struct(`${core}.ServiceSpec`).fields.get("selector")?.mapType).toBe("atomic");
    expect(struct(`${core}.SecretKeySelector`).mapType).toBe("atomic");
    expect(struct(`${core}.EnvVarSource`).fields.get("secretKeyRef")?.mapType).toBe("atomic");
  });

  test("have embedded structs as one field, and in JSON as theirs", () => {
    const volume = struct(`${core}.Volume`);
    expect([...volume.fields.keys()]).toEqual(["name", "VolumeSource"]);
    expect(volume.fields.get("VolumeSource")).toMatchObject({ inline: true, proto: 2 });
    expect(volume.jsonFields.get("emptyDir")).toMatchObject({ proto: 2, pointer: true });
    expect([...struct(`${core}.Pod`).jsonFields.keys()]).toEqual(["kind", "apiVersion", "metadata", "spec", "status"]);
  });

  test("refer to structs that are there", () => {
    const seen = new Set<string>();
    const visit = (type: TypeRef): void => {
      if (type.type === "list") visit(type.element);
      else if (type.type === "map") visit(type.value);
      else if (type.type === "struct" && !seen.has(type.name)) {
        seen.add(type.name);
        for (const field of struct(type.name).fields.values()) visit(field.type);
      }
    };
    for (const kind of types.kinds) visit({ type: "struct", name: kind.type });
    expect(seen.size).toBeGreaterThan(450);
  });
});

describe("patch schemas", () => {
  test("follow the fields into lists, maps and embedded structs", () => {
    const pod = types.patchSchema(`${core}.Pod`);
    const containers = pod.field("spec")?.element?.field("containers");
    expect(containers).toMatchObject({ strategies: ["merge"], mergeKey: "name" });
    expect(containers?.element?.field("command")).toEqual({ strategies: [] });
    const volumes = pod.field("spec")?.element?.field("volumes");
    expect(volumes?.strategies).toEqual(["merge", "retainKeys"]);
    expect(volumes?.element?.field("configMap")?.element?.field("items")?.strategies).toEqual([]);
    expect(pod.field("metadata")?.element?.field("finalizers")).toEqual({ strategies: ["merge"] });
    expect(pod.field("metadata")?.element?.field("labels")?.element).toBeUndefined();
    expect(pod.field("nothing")).toBeUndefined();
    expect(() => types.patchSchema("io.k8s.api.core.v1.Nothing")).toThrow("no struct");
  });
});
