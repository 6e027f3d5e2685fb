import type { KubeObject } from "@podwright/kube";
import { equalJson } from "../resources/equal.ts";
import type { Struct } from "./kind.ts";

/**
 * Makes clusterIP and clusterIPs agree: clients that know only the first of them must get what they want
 * (k8s.io/kubernetes/pkg/registry/core/service/storage/storage.go, normalizeClusterIPs).
 */
export function normalizeClusterIps(object: KubeObject, old: KubeObject | undefined): void {
  const spec: Struct = object["spec"];
  if (old === undefined) {
    if (spec["clusterIP"] && !spec["clusterIPs"]?.length) spec["clusterIPs"] = [spec["clusterIP"]];
    return;
  }
  const before: Struct = old["spec"];
  const ip = spec["clusterIP"] ?? "";
  const ipBefore = before["clusterIP"] ?? "";
  const sameList = equalJson(spec["clusterIPs"] ?? [], before["clusterIPs"] ?? []);
  if (ip === "" && ipBefore !== "") {
    if (sameList) delete spec["clusterIPs"];
  } else if (ip !== "" && ipBefore === "") {
    if (sameList) spec["clusterIPs"] = [ip];
  } else if (ip !== ipBefore && sameList) {
    spec["clusterIPs"] = [ip];
  }
}

/**
 * Carries over what the server gave the service, and drops what its new type has no use for, so that a client
 * may change the type alone (k8s.io/kubernetes/pkg/registry/core/service/strategy.go, dropTypeDependentFields,
 * and storage/alloc.go, patchAllocatedValues).
 */
export function serviceUpdate(object: KubeObject, old: KubeObject): void {
  const spec: Struct = object["spec"];
  const before: Struct = old["spec"];
  normalizeClusterIps(object, old);
  dropUnusedFields(spec, before);
  if (spec["type"] !== "LoadBalancer") object["status"] = { ...object["status"], loadBalancer: {} };

  if (needsClusterIp(before) && needsClusterIp(spec)) {
    if (!spec["clusterIP"] && !spec["clusterIPs"]?.length) {
      spec["clusterIP"] = before["clusterIP"];
      spec["clusterIPs"] = before["clusterIPs"];
    }
  }
  if (needsNodePort(before) && needsNodePort(spec)) keepNodePorts(spec["ports"] ?? [], before["ports"] ?? []);
  if (needsHealthCheckPort(before) && needsHealthCheckPort(spec))
    spec["healthCheckNodePort"] ||= before["healthCheckNodePort"];
}

function dropUnusedFields(spec: Struct, before: Struct): void {
  const same = (field: string) => equalJson(spec[field], before[field]);
  if (needsClusterIp(before) && !needsClusterIp(spec)) {
    if (same("clusterIP") && same("clusterIPs")) {
      delete spec["clusterIP"];
      delete spec["clusterIPs"];
    }
    if (same("ipFamilies")) delete spec["ipFamilies"];
    if (same("ipFamilyPolicy")) delete spec["ipFamilyPolicy"];
  }
  const nodePorts = (ports: Struct[] = []) => ports.map(({ nodePort = 0 }) => nodePort).sort();
  if (
    needsNodePort(before) &&
    !needsNodePort(spec) &&
    equalJson(nodePorts(spec["ports"]), nodePorts(before["ports"]))
  ) {
    for (const port of spec["ports"] ?? []) delete port.nodePort;
  }
  if (needsHealthCheckPort(before) && !needsHealthCheckPort(spec) && same("healthCheckNodePort")) {
    delete spec["healthCheckNodePort"];
  }
  if (before["type"] === "LoadBalancer" && spec["type"] !== "LoadBalancer") {
    for (const field of ["allocateLoadBalancerNodePorts", "loadBalancerClass"]) if (same(field)) delete spec[field];
  }
  if (externallyAccessible(before) && !externallyAccessible(spec) && same("externalTrafficPolicy")) {
    delete spec["externalTrafficPolicy"];
  }
}

/** Ports keep their node port where the client names none. */
export function keepNodePorts(ports: Struct[], before: Struct[]): void {
  const taken = new Set(ports.map(({ nodePort }) => nodePort));
  const known = new Map(before.map((port) => [`${port["protocol"]}/${port["port"]}`, port["nodePort"]]));
  for (const port of ports) {
    const nodePort = known.get(`${port["protocol"]}/${port["port"]}`);
    if (!port["nodePort"] && nodePort && !taken.has(nodePort)) port["nodePort"] = nodePort;
  }
}

export function needsClusterIp(spec: Struct): boolean {
  return spec["type"] !== "ExternalName";
}

export function needsNodePort(spec: Struct): boolean {
  if (spec["type"] === "NodePort") return true;
  return spec["type"] === "LoadBalancer" && spec["allocateLoadBalancerNodePorts"] !== false;
}

/** Balancers that send to the nodes with pods only ask those nodes whether they have any. */
export function needsHealthCheckPort(spec: Struct): boolean {
  return spec["type"] === "LoadBalancer" && spec["externalTrafficPolicy"] === "Local";
}

/** Can the service be reached from outside the cluster? */
export function externallyAccessible(spec: Struct): boolean {
  if (spec["type"] === "LoadBalancer" || spec["type"] === "NodePort") return true;
  return spec["type"] === "ClusterIP" && spec["externalIPs"]?.length > 0;
}
