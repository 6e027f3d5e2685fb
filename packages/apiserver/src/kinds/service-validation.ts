import { isIP } from "node:net";
import {
  type FieldError,
  fieldError,
  isDns1123Label,
  isDns1123Subdomain,
  isPortNumber,
  isQualifiedName,
  type KubeObject,
  validateLabels,
} from "@podwright/kube";
import { equalJson } from "../resources/equal.ts";
import { type Errors, each, invalid, ipAddress, isImmutable, optionalOneOf, requiredOneOf } from "./field-checks.ts";
import type { Struct } from "./kind.ts";
import { portNumberOrName } from "./pod/probes-validation.ts";
import { externallyAccessible, needsHealthCheckPort } from "./service-update.ts";

const types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const protocols = ["SCTP", "TCP", "UDP"];
const maxAffinitySeconds = 86400;

/** k8s.io/kubernetes/pkg/apis/core/validation/validation.go, validateService */
export function validateService(object: KubeObject): FieldError[] {
  const errors: Errors = [];
  const spec: Struct = object["spec"];
  const ports: Struct[] = spec["ports"] ?? [];
  const headless = isHeadless(spec);
  if (ports.length === 0 && !headless && spec["type"] !== "ExternalName")
    errors.push(fieldError.required("spec.ports"));
  if (headless && (spec["type"] === "LoadBalancer" || spec["type"] === "NodePort")) {
    const detail = `may not be set to 'None' for ${spec["type"]} services`;
    errors.push(fieldError.invalid("spec.clusterIPs[0]", "None", detail));
  }
  if (spec["type"] === "ExternalName") externalName(errors, spec);
  const names = new Set<string>();
  each(ports, "spec.ports", (port, at) => servicePort(errors, at, port, ports.length > 1, names));
  errors.push(...validateLabels(spec["selector"], "spec.selector"));
  sessionAffinity(errors, spec);
  if (spec["type"] !== "ExternalName") clusterIps(errors, spec);
  each(spec["externalIPs"], "spec.externalIPs", (ip: string, at) => {
    if (isIP(ip) === 0) ipAddress(errors, at, ip);
    else endpointIp(errors, at, ip);
  });
  requiredOneOf(errors, "spec.type", spec["type"], types);
  uniquePorts(errors, ports, spec["type"]);
  loadBalancerFields(errors, spec);
  trafficPolicies(errors, spec);
  return errors;
}

export function validateServiceUpdate(object: KubeObject, old: KubeObject): FieldError[] {
  const errors: Errors = [];
  const spec: Struct = object["spec"];
  const before: Struct = old["spec"];
  const external = spec["type"] === "ExternalName" || before["type"] === "ExternalName";
  if (!external && !(isHeadless(spec) && isHeadless(before))) {
    const ips: string[] = spec["clusterIPs"] ?? [];
    const ipsBefore: string[] = before["clusterIPs"] ?? [];
    if (ips.length === 0 && ipsBefore.length > 0) {
      errors.push(fieldError.invalid("spec.clusterIPs[0]", null, "primary clusterIP can not be unset"));
    }
    for (const [index, ip] of ipsBefore.entries()) {
      if (ips[index] === undefined || ips[index] === ip) continue;
      errors.push(fieldError.invalid(`spec.clusterIPs[${index}]`, ips, "may not change once set"));
    }
  }
  if (!external && isHeadless(spec) === isHeadless(before) && !isHeadless(spec)) {
    const families: string[] = spec["ipFamilies"] ?? [];
    const [first] = before["ipFamilies"] ?? [];
    if (first !== undefined && families[0] !== undefined && families[0] !== first) {
      errors.push(fieldError.invalid("spec.ipFamilies[0]", families, "may not change once set"));
    }
  }
  const bothBalanced = spec["type"] === "LoadBalancer" && before["type"] === "LoadBalancer";
  if (bothBalanced && spec["loadBalancerClass"] !== before["loadBalancerClass"]) {
    const value = spec["loadBalancerClass"] ?? null;
    errors.push(fieldError.invalid("spec.loadBalancerClass", value, "may not change once set"));
  }
  if (needsHealthCheckPort(spec) && needsHealthCheckPort(before)) {
    if (!equalJson(spec["healthCheckNodePort"], before["healthCheckNodePort"])) {
      errors.push(fieldError.forbidden("spec.healthCheckNodePort", isImmutable));
    }
  }
  return [...errors, ...validateService(object)];
}

function isHeadless(spec: Struct): boolean {
  return spec["clusterIPs"]?.length === 1 && spec["clusterIPs"][0] === "None";
}

function externalName(errors: Errors, spec: Struct): void {
  for (const field of ["clusterIPs", "ipFamilies", "ipFamilyPolicy"]) {
    if (!spec[field]?.length) continue;
    errors.push(fieldError.forbidden(`spec.${field}`, "may not be set for ExternalName services"));
  }
  const name: string = (spec["externalName"] ?? "").replace(/\.$/, "");
  if (name === "") errors.push(fieldError.required("spec.externalName"));
  else invalid(errors, "spec.externalName", name, isDns1123Subdomain(name));
}

function servicePort(errors: Errors, path: string, port: Struct, nameRequired: boolean, names: Set<string>): void {
  const name: string = port["name"] ?? "";
  if (name === "" && nameRequired) errors.push(fieldError.required(`${path}.name`));
  else if (name !== "") {
    invalid(errors, `${path}.name`, name, isDns1123Label(name));
    if (names.has(name)) errors.push(fieldError.duplicate(`${path}.name`, name));
    names.add(name);
  }
  invalid(errors, `${path}.port`, port["port"], isPortNumber(port["port"]));
  requiredOneOf(errors, `${path}.protocol`, port["protocol"], protocols);
  portNumberOrName(errors, `${path}.targetPort`, port["targetPort"]);
  if (port["appProtocol"] !== undefined) {
    invalid(errors, `${path}.appProtocol`, port["appProtocol"], isQualifiedName(port["appProtocol"]));
  }
}

function sessionAffinity(errors: Errors, spec: Struct): void {
  requiredOneOf(errors, "spec.sessionAffinity", spec["sessionAffinity"], ["ClientIP", "None"]);
  const path = "spec.sessionAffinityConfig";
  if (spec["sessionAffinity"] === "ClientIP") {
    const seconds = spec["sessionAffinityConfig"]?.clientIP?.timeoutSeconds;
    if (seconds <= 0 || seconds > maxAffinitySeconds) {
      const detail = `must be greater than 0 and less than ${maxAffinitySeconds}`;
      errors.push(fieldError.invalid(`${path}.clientIP.timeoutSeconds`, seconds, detail));
    }
  } else if (spec["sessionAffinity"] === "None" && spec["sessionAffinityConfig"] !== undefined) {
    errors.push(fieldError.forbidden(path, "must not be set when session affinity is None"));
  }
}

function clusterIps(errors: Errors, spec: Struct): void {
  const ip: string = spec["clusterIP"] ?? "";
  const ips: string[] = spec["clusterIPs"] ?? [];
  if (ip !== "" && ips.length === 0) errors.push(fieldError.required("spec.clusterIPs"));
  else if (ip !== "" && ips[0] !== ip) {
    errors.push(fieldError.invalid("spec.clusterIPs", ips, "first value must match `clusterIP`"));
  } else if (ip === "" && ips.length > 0) {
    errors.push(fieldError.invalid("spec.clusterIPs", ips, "must be empty when `clusterIP` is not specified"));
  }
  const seen = new Set<string>();
  each(spec["ipFamilies"], "spec.ipFamilies", (family: string, at) => {
    optionalOneOf(errors, at, family, ["IPv4", "IPv6"]);
    if (seen.has(family)) errors.push(fieldError.duplicate(at, family));
    seen.add(family);
  });
  const policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
  optionalOneOf(errors, "spec.ipFamilyPolicy", spec["ipFamilyPolicy"], policies);
  each(ips, "spec.clusterIPs", (address, at) => {
    if (address !== "None" || at !== "spec.clusterIPs[0]") ipAddress(errors, at, address);
    else if (ips.length > 1) {
      errors.push(fieldError.invalid("spec.clusterIPs", ips, "'None' must be the first and only value"));
    }
  });
  if (ips.length > 2) errors.push(fieldError.invalid("spec.clusterIPs", ips, "may only hold up to 2 values"));
}

/** Addresses that can be those of an endpoint. */
export function endpointIp(errors: Errors, path: string, ip: string): void {
  const lower = ip.toLowerCase();
  const check = (matches: boolean, detail: string) => {
    if (matches) errors.push(fieldError.invalid(path, ip, detail));
  };
  check(ip === "0.0.0.0" || ip === "::", `may not be unspecified (${ip})`);
  check(ip.startsWith("127.") || ip === "::1", "may not be in the loopback range (127.0.0.0/8, ::1/128)");
  const linkLocal = ip.startsWith("169.254.") || /^fe[89ab]/.test(lower);
  check(linkLocal, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
  const multicast = ip.startsWith("224.0.0.") || lower.startsWith("ff02:");
  check(multicast, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
}

function uniquePorts(errors: Errors, ports: Struct[], type: string): void {
  if (type === "ClusterIP") {
    each(ports, "spec.ports", ({ nodePort }, at) => {
      if (nodePort) errors.push(fieldError.forbidden(`${at}.nodePort`, "may not be used when `type` is 'ClusterIP'"));
    });
  }
  const nodePorts = new Set<string>();
  each(ports, "spec.ports", ({ nodePort, protocol }, at) => {
    if (!nodePort) return;
    const key = `${protocol}/${nodePort}`;
    if (nodePorts.has(key)) errors.push(fieldError.duplicate(`${at}.nodePort`, nodePort));
    nodePorts.add(key);
  });
  const seen = new Set<string>();
  each(ports, "spec.ports", ({ port, protocol }, at) => {
    const key = `${protocol}/${port}`;
    if (seen.has(key)) errors.push(fieldError.duplicate(at, { protocol, port, targetPort: 0 }));
    seen.add(key);
  });
}

function loadBalancerFields(errors: Errors, spec: Struct): void {
  if (spec["type"] === "LoadBalancer") {
    const { loadBalancerClass } = spec;
    if (loadBalancerClass !== undefined) {
      invalid(errors, "spec.loadBalancerClass", loadBalancerClass, isQualifiedName(loadBalancerClass));
    }
    return;
  }
  const detail = "may only be used when `type` is 'LoadBalancer'";
  if (spec["loadBalancerSourceRanges"]?.length > 0) {
    errors.push(fieldError.forbidden("spec.LoadBalancerSourceRanges", detail));
  }
  for (const field of ["allocateLoadBalancerNodePorts", "loadBalancerClass"]) {
    if (spec[field] !== undefined) errors.push(fieldError.forbidden(`spec.${field}`, detail));
  }
}

function trafficPolicies(errors: Errors, spec: Struct): void {
  const policy: string = spec["externalTrafficPolicy"] ?? "";
  if (externallyAccessible(spec)) {
    requiredOneOf(errors, "spec.externalTrafficPolicy", policy, ["Cluster", "Local"]);
  } else if (policy !== "") {
    const detail = "may only be set for externally-accessible services";
    errors.push(fieldError.invalid("spec.externalTrafficPolicy", policy, detail));
  }
  if (!needsHealthCheckPort(spec) && spec["healthCheckNodePort"]) {
    const detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    errors.push(fieldError.invalid("spec.healthCheckNodePort", spec["healthCheckNodePort"], detail));
  }
  optionalOneOf(errors, "spec.internalTrafficPolicy", spec["internalTrafficPolicy"], ["Cluster", "Local"]);
  const distributions = ["PreferClose", "PreferSameZone", "PreferSameNode"];
  optionalOneOf(errors, "spec.trafficDistribution", spec["trafficDistribution"], distributions);
}
