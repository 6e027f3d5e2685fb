import {
  fieldError,
  isConfigMapKey,
  isDns1123Label,
  isDns1123Subdomain,
  isQualifiedName,
  isRelaxedEnvVarName,
} from "@podwright/kube";
import { type Errors, each, invalid, pathWithoutBacksteps, required, requiredAnd } from "../field-checks.ts";
import type { Struct } from "../kind.ts";
import { dnsSubdomainName } from "../names.ts";

/** Fields of the pod that environment variables may be taken from. */
const envFields = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];
/** Fields the downward API knows, for environment variables or volumes. */
const downwardFields: ReadonlySet<string> = new Set([...envFields, "metadata.labels", "metadata.annotations"]);
const resourceFields = [
  "limits.cpu",
  "limits.ephemeral-storage",
  "limits.memory",
  "requests.cpu",
  "requests.ephemeral-storage",
  "requests.memory",
];
const byteDivisors = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

export function env(errors: Errors, path: string, variables: Struct[] | undefined): void {
  each(variables, path, (variable, at) => {
    requiredAnd(errors, `${at}.name`, variable["name"], isRelaxedEnvVarName);
    if (variable["valueFrom"] !== undefined)
      valueFrom(errors, `${at}.valueFrom`, variable["valueFrom"], variable["value"]);
  });
}

function valueFrom(errors: Errors, path: string, source: Struct, value: string | undefined): void {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  if (fieldRef !== undefined) objectFieldSelector(errors, `${path}.fieldRef`, fieldRef, envFields);
  if (resourceFieldRef !== undefined)
    resourceFieldSelector(errors, `${path}.resourceFieldRef`, resourceFieldRef, false);
  if (configMapKeyRef !== undefined) keySelector(errors, `${path}.configMapKeyRef`, configMapKeyRef);
  if (secretKeyRef !== undefined) keySelector(errors, `${path}.secretKeyRef`, secretKeyRef);
  if (fileKeyRef !== undefined) fileKeySelector(errors, `${path}.fileKeyRef`, fileKeyRef);

  const sources = Object.keys(source).length;
  if (sources === 0) {
    const fields = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
    errors.push(fieldError.invalid(path, "", `must specify one of: ${fields}`));
  } else if (value) {
    errors.push(fieldError.invalid(path, "", "may not be specified when `value` is not empty"));
  } else if (sources > 1) {
    errors.push(fieldError.invalid(path, "", "may not have more than one field specified at a time"));
  }
}

export function envFrom(errors: Errors, path: string, sources: Struct[] | undefined): void {
  each(sources, path, (source, at) => {
    if (source["prefix"]) invalid(errors, `${at}.prefix`, source["prefix"], isRelaxedEnvVarName(source["prefix"]));
    const { configMapRef, secretRef } = source;
    const rule = (name: string) => dnsSubdomainName(name, true);
    if (configMapRef !== undefined) requiredAnd(errors, `${at}.configMapRef.name`, configMapRef.name, rule);
    if (secretRef !== undefined) requiredAnd(errors, `${at}.secretRef.name`, secretRef.name, rule);
    if (configMapRef === undefined && secretRef === undefined) {
      errors.push(fieldError.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"));
    } else if (configMapRef !== undefined && secretRef !== undefined) {
      errors.push(fieldError.invalid(path, "", "may not have more than one field specified at a time"));
    }
  });
}

/** A field of the pod, perhaps one entry of its labels or annotations: "metadata.labels['app']". */
export function objectFieldSelector(errors: Errors, path: string, selector: Struct, fields: readonly string[]): void {
  const { apiVersion, fieldPath } = selector;
  if (!apiVersion) {
    errors.push(fieldError.required(`${path}.apiVersion`));
    return;
  }
  if (!fieldPath) {
    errors.push(fieldError.required(`${path}.fieldPath`));
    return;
  }
  if (apiVersion !== "v1") {
    const detail = `error converting fieldPath: unsupported pod version: ${apiVersion}`;
    errors.push(fieldError.invalid(`${path}.fieldPath`, fieldPath, detail));
    return;
  }
  const subscripted = /^([^[]*)\['(.+)'\]$/s.exec(fieldPath);
  if (subscripted !== null) {
    const [, field = "", key = ""] = subscripted;
    if (field === "metadata.annotations") invalid(errors, path, key.toLowerCase(), isQualifiedName(key.toLowerCase()));
    else if (field === "metadata.labels") invalid(errors, path, key, isQualifiedName(key));
    else {
      const detail = `error converting fieldPath: field label does not support subscript: ${fieldPath}`;
      errors.push(fieldError.invalid(`${path}.fieldPath`, fieldPath, detail));
    }
    return;
  }
  const known = fieldPath === "spec.host" ? "spec.nodeName" : fieldPath;
  if (!downwardFields.has(known)) {
    const detail = `error converting fieldPath: field label not supported: ${fieldPath}`;
    errors.push(fieldError.invalid(`${path}.fieldPath`, fieldPath, detail));
  } else if (!fields.includes(known)) {
    errors.push(fieldError.notSupported(`${path}.fieldPath`, known, fields));
  }
}

/** A request or limit of a container; volumes must say of which. */
export function resourceFieldSelector(errors: Errors, path: string, selector: Struct, inVolume: boolean): void {
  const resource: string = selector["resource"] ?? "";
  const hugePages = /^(requests|limits)\.hugepages-/.test(resource);
  if (inVolume && !selector["containerName"]) errors.push(fieldError.required(`${path}.containerName`));
  else if (resource === "") errors.push(fieldError.required(`${path}.resource`));
  else if (!resourceFields.includes(resource) && !hugePages) {
    errors.push(fieldError.notSupported(`${path}.resource`, resource, resourceFields));
  }
  const divisor: string = selector["divisor"] ?? "0";
  if (divisor === "0") return;
  const check = (supported: readonly string[], text: string) => {
    if (!supported.includes(divisor)) errors.push(fieldError.invalid(`${path}.divisor`, resource, text));
  };
  const bytes = (what: string) =>
    `only divisor's values ${byteDivisors.join(", ")} are supported with the ${what} resource`;
  if (resource.endsWith(".cpu"))
    check(["1m", "1"], "only divisor's values 1m and 1 are supported with the cpu resource");
  else if (resource.endsWith(".memory")) check(byteDivisors, bytes("memory"));
  else if (resource.endsWith(".ephemeral-storage")) check(byteDivisors, bytes("local ephemeral storage"));
  else if (hugePages) check(byteDivisors, bytes("hugepages"));
}

function keySelector(errors: Errors, path: string, selector: Struct): void {
  const name: string = selector["name"] ?? "";
  invalid(errors, `${path}.name`, name, isDns1123Subdomain(name));
  requiredAnd(errors, `${path}.key`, selector["key"], isConfigMapKey);
}

function fileKeySelector(errors: Errors, path: string, selector: Struct): void {
  requiredAnd(errors, `${path}.key`, selector["key"], isRelaxedEnvVarName);
  requiredAnd(errors, `${path}.volumeName`, selector["volumeName"], isDns1123Label);
  required(errors, `${path}.path`, selector["path"]);
  if (selector["path"]) pathWithoutBacksteps(errors, `${path}.path`, selector["path"]);
}
