import { isIP } from "node:net";
import {
  type FieldError,
  fieldError,
  isDns1123Label,
  isDns1123Subdomain,
  isPortNumber,
  isQualifiedName,
  type KubeObject,
} from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import { equalJson } from "../resources/equal.ts";
import { type Errors, each, invalid, ipAddress, isImmutable, requiredOneOf } from "./field-checks.ts";
import type { NativeKind, Struct } from "./kind.ts";
import { endpointIp } from "./service-validation.ts";

const shown = 3;

export const endpoints: NativeKind = {
  defaults: {
    "io.k8s.api.core.v1.EndpointPort": (port) => {
      port["protocol"] ||= "TCP";
    },
  },
  validate: validateEndpoints,
  validateUpdate: (object, old) => (equalJson(object["subsets"], old["subsets"]) ? [] : validateEndpoints(object)),
  deprecationWarning: "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
  allowCreateOnUpdate: true,
  table: {
    columns: [nameColumn, column("Endpoints", "Addresses and ports."), ageColumn],
    cells: (object, nowMs) => [object.metadata.name ?? "", formatEndpoints(object), age(object, nowMs)],
  },
};

export const endpointSlice: NativeKind = {
  defaults: {
    "io.k8s.api.discovery.v1.EndpointPort": (port) => {
      port["name"] ??= "";
      port["protocol"] ??= "TCP";
    },
  },
  hasGeneration: true,
  validate: validateEndpointSlice,
  validateUpdate(object, old) {
    const unchanged = equalJson(object["endpoints"], old["endpoints"]);
    const errors = validateEndpointSlice(unchanged ? { ...object, endpoints: null } : object);
    if (object["addressType"] !== old["addressType"]) {
      errors.push(fieldError.invalid("addressType", object["addressType"], isImmutable));
    }
    return errors;
  },
  table: {
    columns: [
      nameColumn,
      column("AddressType", "The type of the addresses."),
      column("Ports", "Ports of all the endpoints."),
      column("Endpoints", "Addresses."),
      ageColumn,
    ],
    cells(object, nowMs) {
      const ports: Struct[] = object["ports"] ?? [];
      const endpoints: Struct[] = object["endpoints"] ?? [];
      return [
        object.metadata.name ?? "",
        object["addressType"] ?? "",
        withMore(ports.map((port) => String(port["port"] ?? port["name"] ?? "*"))) || "<unset>",
        withMore(endpoints.flatMap((endpoint) => endpoint["addresses"] ?? [])) || "<unset>",
        age(object, nowMs),
      ];
    },
  },
};

function formatEndpoints(object: KubeObject): string {
  const subsets: Struct[] = object["subsets"] ?? [];
  if (subsets.length === 0) return "<none>";
  const addresses: string[] = [];
  for (const subset of subsets) {
    const ips: string[] = (subset["addresses"] ?? []).map(({ ip }: Struct) => ip);
    const ports: Struct[] = subset["ports"] ?? [];
    if (ports.length === 0) addresses.push(...ips);
    for (const { port } of ports) addresses.push(...ips.map((ip) => `${ip.includes(":") ? `[${ip}]` : ip}:${port}`));
  }
  return withMore(addresses);
}

function withMore(items: string[]): string {
  const list = items.slice(0, shown).join(",");
  return items.length > shown ? `${list} + ${items.length - shown} more...` : list;
}

const protocols = ["SCTP", "TCP", "UDP"];
const maxEndpoints = 1000;
const maxAddresses = 100;

function validateEndpoints(object: KubeObject): FieldError[] {
  const errors: Errors = [];
  each(object["subsets"], "subsets", (subset: Struct, at) => {
    if (!subset["addresses"]?.length && !subset["notReadyAddresses"]?.length) {
      errors.push(fieldError.required(at, "must specify `addresses` or `notReadyAddresses`"));
    }
    for (const field of ["addresses", "notReadyAddresses"]) {
      each(subset[field], `${at}.${field}`, ({ ip = "", hostname, nodeName }: Struct, addressPath) => {
        ipAddress(errors, `${addressPath}.ip`, ip);
        if (hostname) invalid(errors, `${addressPath}.hostname`, hostname, isDns1123Label(hostname));
        if (nodeName !== undefined) invalid(errors, `${addressPath}.nodeName`, nodeName, isDns1123Subdomain(nodeName));
        if (isIP(ip) === 0) errors.push(fieldError.invalid(`${addressPath}.ip`, ip, "must be a valid IP address"));
        else endpointIp(errors, `${addressPath}.ip`, ip);
      });
    }
    const ports: Struct[] = subset["ports"] ?? [];
    each(ports, `${at}.ports`, ({ name = "", port, protocol, appProtocol }, portPath) => {
      if (name === "" && ports.length > 1) errors.push(fieldError.required(`${portPath}.name`));
      else if (name !== "") invalid(errors, `${portPath}.name`, name, isDns1123Label(name));
      invalid(errors, `${portPath}.port`, port, isPortNumber(port));
      requiredOneOf(errors, `${portPath}.protocol`, protocol, protocols);
      if (appProtocol !== undefined)
        invalid(errors, `${portPath}.appProtocol`, appProtocol, isQualifiedName(appProtocol));
    });
  });
  return errors;
}

function validateEndpointSlice(object: KubeObject): FieldError[] {
  const errors: Errors = [];
  const type: string = object["addressType"] ?? "";
  requiredOneOf(errors, "addressType", type, ["FQDN", "IPv4", "IPv6"]);
  const names = new Set<string>();
  each(object["ports"], "ports", ({ name = "", protocol, appProtocol }: Struct, at) => {
    if (name !== "") invalid(errors, `${at}.name`, name, isDns1123Label(name));
    if (names.has(name)) errors.push(fieldError.duplicate(`${at}.name`, name));
    names.add(name);
    requiredOneOf(errors, `${at}.protocol`, protocol, protocols);
    if (appProtocol !== undefined) invalid(errors, `${at}.appProtocol`, appProtocol, isQualifiedName(appProtocol));
  });
  const list: Struct[] = object["endpoints"] ?? [];
  if (list.length > maxEndpoints) errors.push(fieldError.tooMany("endpoints", list.length, maxEndpoints));
  else each(list, "endpoints", (endpoint, at) => sliceEndpoint(errors, at, endpoint, type));
  return errors;
}

function sliceEndpoint(errors: Errors, path: string, endpoint: Struct, type: string): void {
  const addresses: string[] = endpoint["addresses"] ?? [];
  const at = `${path}.addresses`;
  if (addresses.length === 0) errors.push(fieldError.required(at, "must contain at least 1 address"));
  else if (addresses.length > maxAddresses) errors.push(fieldError.tooMany(at, addresses.length, maxAddresses));
  const version = { IPv4: 4, IPv6: 6 }[type];
  each(addresses, at, (address, addressPath) => {
    if (version === undefined) return;
    if (isIP(address) === 0) ipAddress(errors, addressPath, address);
    else {
      if (isIP(address) !== version) errors.push(fieldError.invalid(at, address, `must be an ${type} address`));
      endpointIp(errors, addressPath, address);
    }
  });
  const { nodeName, hostname } = endpoint;
  if (nodeName !== undefined) invalid(errors, `${path}.nodeName`, nodeName, isDns1123Subdomain(nodeName));
  if (hostname !== undefined) invalid(errors, `${path}.hostname`, hostname, isDns1123Label(hostname));
}
