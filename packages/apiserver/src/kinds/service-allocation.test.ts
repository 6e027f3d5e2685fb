import { type KubeObject, StatusError } from "@podwright/kube";
import { describe, expect, it } from "vitest";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission/admission.ts";
import { nativeResources } from "../resources/native.ts";
import type { Struct } from "./kind.ts";
import { serviceAllocation } from "./service-allocation.ts";

const resource = nativeResources().find(({ group, plural }) => group === "" && plural === "services");
if (resource === undefined) throw new Error("no services");

function admit(name: string, spec: Struct, stored: KubeObject[] = [], old?: KubeObject): KubeObject {
  const object = service(name, spec);
  serviceAllocation({ list: () => stored }).mutate?.(attributesOf(name, object, old), {
    reinvocation: false,
    requestReinvocation() {},
    memory: new Map(),
  });
  return object;
}

function attributesOf(name: string, object: KubeObject, old?: KubeObject): AdmissionAttributes {
  return {
    operation: old === undefined ? "CREATE" : "UPDATE",
    resource: resource as NonNullable<typeof resource>,
    subresource: "",
    name,
    namespace: "default",
    object,
    ...(old !== undefined && { oldObject: old }),
    user: { username: "tester", groups: [] },
    dryRun: false,
    options: {},
    warn() {},
  };
}

function service(name: string, spec: Struct): KubeObject {
  const metadata = { name, namespace: "default" };
  const object = { apiVersion: "v1", kind: "Service", metadata, spec: structuredClone(spec) } as KubeObject;
  resource?.strategy.setDefaults(object);
  return object;
}

const ports = [{ port: 80 }];

describe("addresses", () => {
  it("are the next that no service has", () => {
    const first = admit("a", { ports });
    expect(first["spec"]).toMatchObject({ clusterIP: "10.96.1.1", clusterIPs: ["10.96.1.1"], ipFamilies: ["IPv4"] });
    expect(admit("b", { ports }, [first])["spec"].clusterIP).toBe("10.96.1.2");
  });

  it("are not given to headless services and names of outside", () => {
    expect(admit("a", { clusterIP: "None", ports, selector: { a: "b" } })["spec"].clusterIPs).toEqual(["None"]);
    expect(admit("a", { type: "ExternalName", externalName: "example.com" })["spec"].clusterIP).toBeUndefined();
  });

  it("cannot be had twice", () => {
    const first = admit("a", { ports, clusterIP: "10.96.7.7" });
    expect(() => admit("b", { ports, clusterIP: "10.96.7.7" }, [first])).toThrow(
      'Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.96.7.7"]: failed to allocate IP 10.96.7.7: provided IP is already allocated',
    );
  });

  it("stay on updates that name none", () => {
    const old = admit("a", { ports });
    const updated = admit("a", { ports, type: "NodePort" }, [old], old);
    expect(updated["spec"].ipFamilies).toEqual(["IPv4"]);
    expect(updated["spec"].ports[0].nodePort).toBe(30_000);
  });
});

describe("node ports", () => {
  it("are given to each port and to the health check", () => {
    const { spec } = admit("a", { type: "LoadBalancer", externalTrafficPolicy: "Local", ports }) as Struct;
    expect([spec.ports[0].nodePort, spec.healthCheckNodePort]).toEqual([30_000, 30_001]);
  });

  it("must be in the range and free", () => {
    const asking = (nodePort: number) => ({ type: "NodePort", ports: [{ port: 80, nodePort }] });
    const first = admit("a", asking(30_005));
    expect(() => admit("b", asking(80))).toThrow(StatusError);
    expect(() => admit("b", asking(30_005), [first])).toThrow("provided port is already allocated");
    expect(admit("a", asking(30_005), [first], first)["spec"].ports[0].nodePort).toBe(30_005);
  });
});

describe("requests at the same time", () => {
  const asking = { type: "NodePort", clusterIP: "10.96.7.7", ports: [{ port: 80, nodePort: 30_005 }] };

  function request(plugin: AdmissionPlugin, name: string, spec: Struct): AdmissionAttributes {
    const attributes = attributesOf(name, service(name, spec));
    plugin.mutate?.(attributes, { reinvocation: false, requestReinvocation() {}, memory: new Map() });
    return attributes;
  }

  it("do not get the same address and port", () => {
    const plugin = serviceAllocation({ list: () => [] });
    request(plugin, "a", asking);
    expect(() => request(plugin, "b", asking)).toThrow("provided IP is already allocated");
    expect(() => request(plugin, "", asking)).toThrow("provided port is already allocated");
  });

  it("may have what one asked for that was not stored", () => {
    const plugin = serviceAllocation({ list: () => [] });
    const first = request(plugin, "a", asking);
    plugin.settle?.(first);
    const second = request(plugin, "b", asking);
    expect(second.object?.["spec"].clusterIP).toBe("10.96.7.7");
    expect(() => request(plugin, "", asking)).toThrow();
  });

  it("for one name do not stand in each other's way: the storage takes only one of them", () => {
    const plugin = serviceAllocation({ list: () => [] });
    request(plugin, "a", asking);
    expect(request(plugin, "a", asking).object?.["spec"].ports[0].nodePort).toBe(30_005);
  });
});
