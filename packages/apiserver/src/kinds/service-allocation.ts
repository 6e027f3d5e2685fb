import { BlockList, isIP } from "node:net";
import { type FieldError, fieldError, type KubeObject, status } from "@podwright/kube";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission/admission.ts";
import type { Struct } from "./kind.ts";
import {
  keepNodePorts,
  needsClusterIp,
  needsHealthCheckPort,
  needsNodePort,
  normalizeClusterIps,
} from "./service-update.ts";

const addressRange = "10.96.0.0/16";
const networkAddress = (10 << 24) | (96 << 16);
/** The lower addresses are left for those who name one (k8s.io/kubernetes/pkg/registry/core/service/ipallocator). */
const firstAddress = 257;
const lastAddress = 2 ** 16 - 2;
const firstPort = 30_000;
const lastPort = 32_767;

const addresses = new BlockList();
addresses.addSubnet("10.96.0.0", 16);

export interface StoredServices {
  list(): KubeObject[];
}

/** One service that is written. */
interface Allocation {
  /** The service's spec, which is filled in. */
  spec: Struct;
  /** The spec it had; {} of a new one. */
  before: Struct;
  others: KubeObject[];
  /** What cannot be given is told here. */
  errors: FieldError[];
}

/** The next number that is free, if there is any. */
type Sequence = (isFree: (number: number) => boolean) => number | undefined;

/**
 * Gives services their cluster addresses and node ports. Upstream's storage does so, with a bitmap beside the
 * services (k8s.io/kubernetes/pkg/registry/core/service/storage/alloc.go); here the stored services are the
 * record of what is taken, and a cursor keeps requests in flight from getting the same.
 */
export function serviceAllocation(services: StoredServices): AdmissionPlugin {
  const nextAddress = sequence(firstAddress, lastAddress);
  const nextPort = sequence(firstPort, lastPort);
  /** What requests under way were given, as if their services were stored. */
  const underWay = new Map<AdmissionAttributes, KubeObject>();
  return {
    name: "ServiceAllocation",
    handles: ({ operation, resource, subresource }) =>
      resource.group === "" &&
      resource.plural === "services" &&
      subresource === "" &&
      (operation === "CREATE" || operation === "UPDATE"),
    mutate(attributes) {
      const { object, oldObject } = attributes;
      const spec: Struct | undefined = object?.["spec"];
      if (object === undefined || spec === undefined || !needsClusterIp(spec)) return;
      const before: Struct = oldObject?.["spec"] ?? {};
      underWay.delete(attributes);
      const others = [...services.list(), ...underWay.values()].filter(({ metadata }) => !isSame(metadata, attributes));
      const errors: FieldError[] = [];
      normalizeClusterIps(object, oldObject);
      keepFamilies(spec, before);
      defaultFamilies(spec);
      const allocation = { spec, before, others, errors };
      allocateAddress(allocation, nextAddress);
      // Upstream looks at given ports only when it is about to take them.
      allocatePorts(attributes.dryRun ? { ...allocation, errors: [] } : allocation, nextPort);
      refuse(attributes, object, errors);
      if (errors.length > 0 || attributes.dryRun) return;
      const { name, namespace } = attributes;
      const { apiVersion, kind } = object;
      underWay.set(attributes, { apiVersion, kind, metadata: { name, namespace }, spec: structuredClone(spec) });
    },
    settle: (attributes) => void underWay.delete(attributes),
  };
}

/** What is wrong with the service itself is told first, by its validation. */
function refuse(attributes: AdmissionAttributes, object: KubeObject, errors: FieldError[]): void {
  if (errors.length === 0) return;
  const { resource, name, oldObject } = attributes;
  const { strategy } = resource;
  const own = oldObject === undefined ? strategy.validate(object) : strategy.validateUpdate(object, oldObject);
  if (own.length > 0) return;
  throw status.invalid({ group: resource.group, kind: resource.kind }, name, errors);
}

/** Services whose names are still to be made up are all different. */
function isSame(metadata: KubeObject["metadata"], { name, namespace }: AdmissionAttributes): boolean {
  return name !== "" && metadata.name === name && metadata.namespace === namespace;
}

function keepFamilies(spec: Struct, before: Struct): void {
  if (before["type"] === undefined || !needsClusterIp(before)) return;
  spec["ipFamilies"] ??= before["ipFamilies"];
  spec["ipFamilyPolicy"] ??= before["ipFamilyPolicy"];
}

function defaultFamilies(spec: Struct): void {
  const headless = isHeadless(spec);
  const selectorless = headless && Object.keys(spec["selector"] ?? {}).length === 0;
  spec["ipFamilyPolicy"] ??= selectorless ? "RequireDualStack" : "SingleStack";
  if (spec["ipFamilies"]?.length > 0) return;
  spec["ipFamilies"] = selectorless && spec["ipFamilyPolicy"] !== "SingleStack" ? ["IPv4", "IPv6"] : ["IPv4"];
}

function isHeadless(spec: Struct): boolean {
  return (spec["clusterIPs"]?.[0] ?? spec["clusterIP"]) === "None";
}

function allocateAddress({ spec, before, others, errors }: Allocation, next: Sequence): void {
  if (isHeadless(spec)) return;
  const asked: string = spec["clusterIPs"]?.[0] ?? spec["clusterIP"] ?? "";
  const kept: string = needsClusterIp(before) ? (before["clusterIP"] ?? "") : "";
  if (asked === "" && kept !== "" && kept !== "None") return;
  const taken = new Set(others.flatMap((service) => service["spec"]?.clusterIPs ?? []));
  if (asked === "") {
    const number = next((candidate) => !taken.has(addressAt(candidate)));
    if (number === undefined) {
      errors.push(fieldError.internal("spec.clusterIPs", "failed to allocate a serviceIP: range is full"));
      return;
    }
    spec["clusterIP"] = addressAt(number);
    spec["clusterIPs"] = [addressAt(number)];
  } else if (asked !== kept && isIP(asked) === 4) {
    const value = spec["clusterIPs"] ?? [asked];
    const fail = (reason: string) =>
      errors.push(fieldError.invalid("spec.clusterIPs", value, `failed to allocate IP ${asked}: ${reason}`));
    if (!addresses.check(asked)) {
      fail(`the provided IP (${asked}) is not in the valid range. The range of valid IPs is ${addressRange}`);
    } else if (taken.has(asked)) fail("provided IP is already allocated");
  }
}

function addressAt(offset: number): string {
  const address = (networkAddress | offset) >>> 0;
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

function allocatePorts({ spec, before, others, errors }: Allocation, next: Sequence): void {
  const own = portsOf(before);
  const taken = new Set(others.flatMap((service) => portsOf(service["spec"] ?? {})));
  const give = (path: string, holder: Struct, field: string) => {
    const asked: number = holder[field] ?? 0;
    if (asked === 0) {
      const port = next((candidate) => !taken.has(candidate) && !own.includes(candidate));
      if (port === undefined) {
        errors.push(fieldError.internal(path, "failed to allocate a nodePort: range is full"));
        return;
      }
      holder[field] = port;
    } else if (!own.includes(asked)) {
      if (asked < firstPort || asked > lastPort) {
        const detail = `provided port is not in the valid range. The range of valid ports is ${firstPort}-${lastPort}`;
        errors.push(fieldError.invalid(path, asked, detail));
      } else if (taken.has(asked)) {
        errors.push(fieldError.invalid(path, asked, "provided port is already allocated"));
      }
    }
  };
  if (needsNodePort(spec)) {
    if (needsNodePort(before)) keepNodePorts(spec["ports"] ?? [], before["ports"] ?? []);
    for (const [index, port] of (spec["ports"] ?? []).entries())
      give(`spec.ports[${index}].nodePort`, port, "nodePort");
  }
  if (needsHealthCheckPort(spec)) {
    if (needsHealthCheckPort(before)) spec["healthCheckNodePort"] ||= before["healthCheckNodePort"];
    give("spec.healthCheckNodePort", spec, "healthCheckNodePort");
  }
}

function portsOf(spec: Struct): number[] {
  const ports: number[] = (spec["ports"] ?? []).map(({ nodePort = 0 }) => nodePort);
  return [...ports, spec["healthCheckNodePort"] ?? 0].filter((port) => port !== 0);
}

/** One number after the other, from the start again after the last. */
function sequence(first: number, last: number): Sequence {
  let cursor = first;
  return (isFree) => {
    for (let tries = first; tries <= last; tries++) {
      const number = cursor;
      cursor = cursor === last ? first : cursor + 1;
      if (isFree(number)) return number;
    }
    return undefined;
  };
}
