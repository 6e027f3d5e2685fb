import { isIP } from "node:net";
import {
  type FieldError,
  fieldError,
  isDns1035Label,
  isDns1123Subdomain,
  isPortName,
  isPortNumber,
  isWildcardDns1123Subdomain,
  type KubeObject,
} from "@podwright/kube";
import { type Errors, each, invalid, requiredAnd } from "./field-checks.ts";
import type { Struct } from "./kind.ts";

const forbiddenInPaths = ["//", "/./", "/../", "%2f", "%2F"];
const forbiddenAtEnd = ["/..", "/."];

/** k8s.io/kubernetes/pkg/apis/networking/validation/validation.go, ValidateIngressSpec */
export function validateIngress(object: KubeObject): FieldError[] {
  const errors: Errors = [];
  const spec: Struct = object["spec"];
  const rules: Struct[] = spec["rules"] ?? [];
  if (rules.length === 0 && spec["defaultBackend"] === undefined) {
    errors.push(fieldError.invalid("spec", null, "either `defaultBackend` or `rules` must be specified"));
  }
  if (spec["defaultBackend"] !== undefined) backend(errors, "spec.defaultBackend", spec["defaultBackend"]);
  each(rules, "spec.rules", (rule, at) => {
    if (rule["host"]) host(errors, `${at}.host`, rule["host"], true);
    if (rule["http"] === undefined) return;
    if (!rule["http"].paths?.length) errors.push(fieldError.required(`${at}.http.paths`));
    each(rule["http"].paths, `${at}.http.paths`, (path: Struct, pathAt) => httpPath(errors, pathAt, path));
  });
  each(spec["tls"], "spec.tls", (tls: Struct, at) => {
    each(tls["hosts"], `${at}.hosts`, (name: string, hostAt) => host(errors, hostAt, name, false));
    const secret: string = tls["secretName"] ?? "";
    if (secret !== "") invalid(errors, `${at}.secretName`, secret, isDns1123Subdomain(secret));
  });
  const className: string | undefined = spec["ingressClassName"];
  if (className !== undefined) invalid(errors, "spec.ingressClassName", className, isDns1123Subdomain(className));
  return errors;
}

/** A new ingress may name its class in the annotation of old and in the field, if it is the same one. */
export function validateNewIngress(object: KubeObject): FieldError[] {
  const errors = validateIngress(object);
  const annotation = object.metadata.annotations?.["kubernetes.io/ingress.class"];
  const className = object["spec"].ingressClassName;
  if (annotation !== undefined && className !== undefined && annotation !== className) {
    const detail = "must match `ingressClassName` when both are specified";
    errors.push(fieldError.invalid("annotations.kubernetes.io/ingress.class", annotation, detail));
  }
  return errors;
}

function host(errors: Errors, path: string, name: string, noAddress: boolean): void {
  if (noAddress && isIP(name) !== 0) {
    errors.push(fieldError.invalid(path, name, "must be a DNS name, not an IP address"));
  }
  invalid(errors, path, name, name.includes("*") ? isWildcardDns1123Subdomain(name) : isDns1123Subdomain(name));
}

function httpPath(errors: Errors, at: string, { path = "", pathType, backend: target }: Struct): void {
  switch (pathType) {
    case undefined:
    case null:
      errors.push(fieldError.required(`${at}.pathType`, "pathType must be specified"));
      return;
    case "Exact":
    case "Prefix":
      if (!path.startsWith("/")) errors.push(fieldError.invalid(`${at}.path`, path, "must be an absolute path"));
      for (const part of forbiddenInPaths) {
        if (path.includes(part)) errors.push(fieldError.invalid(`${at}.path`, path, `must not contain '${part}'`));
      }
      for (const end of forbiddenAtEnd) {
        if (path.endsWith(end)) errors.push(fieldError.invalid(`${at}.path`, path, `cannot end with '${end}'`));
      }
      break;
    case "ImplementationSpecific":
      if (path !== "" && !path.startsWith("/")) {
        errors.push(fieldError.invalid(`${at}.path`, path, "must be an absolute path"));
      }
      break;
    default: {
      const supported = ["Exact", "ImplementationSpecific", "Prefix"];
      errors.push(fieldError.notSupported(`${at}.pathType`, pathType, supported));
    }
  }
  backend(errors, `${at}.backend`, target ?? {});
}

function backend(errors: Errors, path: string, { service, resource }: Struct): void {
  if (service !== undefined && resource !== undefined) {
    errors.push(fieldError.invalid(path, "", "cannot set both resource and service backends"));
  } else if (service !== undefined) {
    requiredAnd(errors, `${path}.service.name`, service.name, isDns1035Label);
    const { name = "", number = 0 } = service.port ?? {};
    if (name !== "" && number !== 0) {
      errors.push(fieldError.invalid(path, "", "cannot set both port name & port number"));
    } else if (name !== "") invalid(errors, `${path}.service.port.name`, name, isPortName(name));
    else if (number !== 0) invalid(errors, `${path}.service.port.number`, number, isPortNumber(number));
    else errors.push(fieldError.required(path, "port name or number is required"));
  } else if (resource === undefined) {
    errors.push(fieldError.invalid(path, "", "resource or service backend is required"));
  }
}
