import { fieldError, isDns1123Label, isPortName, isPortNumber } from "@podwright/kube";
import {
  descendingPath,
  type Errors,
  each,
  invalid,
  optionalOneOf,
  required,
  requiredAnd,
  requiredOneOf,
} from "../field-checks.ts";
import type { Struct } from "../kind.ts";
import { env, envFrom } from "./env-validation.ts";
import { lifecycle, type ProbeKind, probe } from "./probes-validation.ts";
import { containerResourceRequirements } from "./resources-validation.ts";
import { containerSecurityContext } from "./security-validation.ts";

/** What checks of containers need to know of their pod. */
export interface PodContext {
  /** Valid volumes by name. */
  volumes: ReadonlyMap<string, Struct>;
  claimNames: ReadonlySet<string>;
  gracePeriodSeconds: number | undefined;
  restartPolicy: string | undefined;
  os: string | undefined;
  hostUsers: boolean;
}

const probeKinds: readonly ProbeKind[] = ["livenessProbe", "readinessProbe", "startupProbe"];

export function containers(errors: Errors, path: string, list: Struct[], pod: PodContext): void {
  if (list.length === 0) {
    errors.push(fieldError.required(path));
    return;
  }
  const names = new Set<string>();
  each(list, path, (container, at) => {
    commonContainer(errors, at, container, pod);
    if (names.has(container["name"])) errors.push(fieldError.duplicate(`${at}.name`, container["name"]));
    names.add(container["name"]);
    hooksAndProbes(errors, at, container, pod);
    restartPolicy(errors, at, container);
  });
  hostPortConflicts(errors, path, list);
}

export function initContainers(errors: Errors, path: string, list: Struct[], regular: Struct[], pod: PodContext): void {
  const names = new Set<string>(regular.map(({ name }) => name ?? ""));
  each(list, path, (container, at) => {
    commonContainer(errors, at, container, pod);
    if (container["restartPolicy"] !== undefined || container["restartPolicyRules"]?.length > 0) {
      restartPolicy(errors, at, container);
    }
    const name: string = container["name"] ?? "";
    if (names.has(name)) errors.push(fieldError.duplicate(`${at}.name`, name));
    else if (name !== "") names.add(name);
    hostPortConflicts(errors, path, [container]);
    if (container["restartPolicy"] === "Always") {
      hooksAndProbes(errors, at, container, pod);
      return;
    }
    for (const field of ["lifecycle", ...probeKinds]) {
      if (container[field] === undefined) continue;
      const detail = "may not be set for init containers without restartPolicy=Always";
      errors.push(fieldError.forbidden(`${at}.${field}`, detail));
    }
  });
}

const ephemeralContainersLack = ["ports", "resources", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"];

export function ephemeralContainers(
  errors: Errors,
  path: string,
  list: Struct[],
  others: Struct[],
  pod: PodContext,
): void {
  const otherNames = new Set<string>(others.map(({ name }) => name ?? ""));
  const names = new Set(otherNames);
  each(list, path, (container, at) => {
    commonContainer(errors, at, container, pod);
    imageWithoutSpaces(errors, at, container);
    if (names.has(container["name"])) errors.push(fieldError.duplicate(`${at}.name`, container["name"]));
    names.add(container["name"]);
    const target = container["targetContainerName"];
    if (target && !otherNames.has(target)) errors.push(fieldError.notFound(`${at}.targetContainerName`, target));
    const detail = "cannot be set for an Ephemeral Container";
    for (const field of ephemeralContainersLack) {
      const value = container[field];
      if (value !== undefined && Object.keys(value).length > 0)
        errors.push(fieldError.forbidden(`${at}.${field}`, detail));
    }
    each(container["volumeMounts"], `${at}.volumeMounts`, (mount: Struct, mountPath) => {
      for (const field of ["subPath", "subPathExpr"]) {
        if (mount[field]) errors.push(fieldError.forbidden(`${mountPath}.${field}`, detail));
      }
    });
  });
}

/** For pods, not for templates. */
export function imageWithoutSpaces(errors: Errors, path: string, container: Struct): void {
  const image: string = container["image"] ?? "";
  if (image !== image.trim()) {
    errors.push(fieldError.invalid(`${path}.image`, image, "must not have leading or trailing whitespace"));
  }
}

function commonContainer(errors: Errors, path: string, container: Struct, pod: PodContext): void {
  requiredAnd(errors, `${path}.name`, container["name"], isDns1123Label);
  required(errors, `${path}.image`, container["image"]);
  requiredOneOf(errors, `${path}.terminationMessagePolicy`, container["terminationMessagePolicy"], [
    "File",
    "FallbackToLogsOnError",
  ]);
  containerPorts(errors, `${path}.ports`, container["ports"]);
  env(errors, `${path}.env`, container["env"]);
  envFrom(errors, `${path}.envFrom`, container["envFrom"]);
  volumeMounts(errors, `${path}.volumeMounts`, container, pod.volumes);
  volumeDevices(errors, `${path}.volumeDevices`, container, pod.volumes);
  requiredOneOf(errors, `${path}.imagePullPolicy`, container["imagePullPolicy"], ["Always", "IfNotPresent", "Never"]);
  containerResourceRequirements(errors, `${path}.resources`, container["resources"], pod.claimNames);
  resizePolicy(errors, `${path}.resizePolicy`, container["resizePolicy"], pod.restartPolicy);
  containerSecurityContext(errors, `${path}.securityContext`, container["securityContext"], pod.hostUsers);
}

function hooksAndProbes(errors: Errors, path: string, container: Struct, pod: PodContext): void {
  if (container["lifecycle"] !== undefined) {
    lifecycle(errors, `${path}.lifecycle`, container["lifecycle"], pod.gracePeriodSeconds, pod.os);
  }
  for (const kind of probeKinds) {
    if (container[kind] !== undefined) probe(errors, `${path}.${kind}`, kind, container[kind]);
  }
}

function containerPorts(errors: Errors, path: string, ports: Struct[] | undefined): void {
  const names = new Set<string>();
  each(ports, path, (port, at) => {
    const name: string = port["name"] ?? "";
    if (name !== "") {
      const messages = isPortName(name);
      invalid(errors, `${at}.name`, name, messages);
      if (messages.length === 0 && names.has(name)) errors.push(fieldError.duplicate(`${at}.name`, name));
      if (messages.length === 0) names.add(name);
    }
    if (!port["containerPort"]) errors.push(fieldError.required(`${at}.containerPort`));
    else invalid(errors, `${at}.containerPort`, port["containerPort"], isPortNumber(port["containerPort"]));
    if (port["hostPort"]) invalid(errors, `${at}.hostPort`, port["hostPort"], isPortNumber(port["hostPort"]));
    requiredOneOf(errors, `${at}.protocol`, port["protocol"], ["SCTP", "TCP", "UDP"]);
  });
}

function hostPortConflicts(errors: Errors, path: string, list: Struct[]): void {
  const taken = new Set<string>();
  each(list, path, (container, at) => {
    each(container["ports"], `${at}.ports`, ({ hostPort, hostIP = "", protocol = "" }: Struct, portPath) => {
      if (!hostPort) return;
      const key = `${protocol}/${hostIP}/${hostPort}`;
      if (taken.has(key)) errors.push(fieldError.duplicate(`${portPath}.hostPort`, key));
      taken.add(key);
    });
  });
}

function volumeMounts(errors: Errors, path: string, container: Struct, volumes: ReadonlyMap<string, Struct>): void {
  const devices = new Map<string, string>(
    (container["volumeDevices"] ?? []).map(({ name, devicePath }: Struct) => [name ?? "", devicePath ?? ""]),
  );
  const devicePaths = new Set(devices.values());
  const mountPaths = new Set<string>();
  each(container["volumeMounts"], path, (mount: Struct, at) => {
    const { name = "", mountPath = "", subPath = "", subPathExpr = "", mountPropagation } = mount;
    required(errors, `${at}.name`, name);
    if (!volumes.has(name)) errors.push(fieldError.notFound(`${at}.name`, name));
    required(errors, `${at}.mountPath`, mountPath);
    if (mountPaths.has(mountPath)) errors.push(fieldError.invalid(`${at}.mountPath`, mountPath, "must be unique"));
    mountPaths.add(mountPath);
    if (devices.has(name))
      errors.push(fieldError.invalid(`${at}.name`, name, "must not already exist in volumeDevices"));
    if (devicePaths.has(mountPath)) {
      const detail = "must not already exist as a path in volumeDevices";
      errors.push(fieldError.invalid(`${at}.mountPath`, mountPath, detail));
    }
    if (subPath !== "") descendingPath(errors, `${path}.subPath`, subPath);
    if (subPathExpr !== "") {
      if (subPath !== "") {
        const detail = "subPathExpr and subPath are mutually exclusive";
        errors.push(fieldError.invalid(`${at}.subPathExpr`, subPathExpr, detail));
      }
      descendingPath(errors, `${path}.subPathExpr`, subPathExpr);
    }
    if (mountPropagation !== undefined) {
      const supported = ["Bidirectional", "HostToContainer", "None"];
      optionalOneOf(errors, `${path}.mountPropagation`, mountPropagation, supported);
      if (mountPropagation === "Bidirectional" && !container["securityContext"]?.privileged) {
        const detail = "Bidirectional mount propagation is available only to privileged containers";
        errors.push(fieldError.forbidden(`${path}.mountPropagation`, detail));
      }
    }
    recursiveReadOnly(errors, `${path}.recursiveReadOnly`, mount);
  });
}

function recursiveReadOnly(errors: Errors, path: string, mount: Struct): void {
  const mode = mount["recursiveReadOnly"];
  optionalOneOf(errors, path, mode, ["Disabled", "Enabled", "IfPossible"]);
  if (mode !== "Enabled" && mode !== "IfPossible") return;
  if (!mount["readOnly"]) errors.push(fieldError.forbidden(path, "may only be specified when readOnly is true"));
  if ((mount["mountPropagation"] ?? "None") !== "None") {
    errors.push(fieldError.forbidden(path, "may only be specified when mountPropagation is None or not specified"));
  }
}

function volumeDevices(errors: Errors, path: string, container: Struct, volumes: ReadonlyMap<string, Struct>): void {
  const mounts = new Map<string, string>(
    (container["volumeMounts"] ?? []).map(({ name, mountPath }: Struct) => [name ?? "", mountPath ?? ""]),
  );
  const mountPaths = new Set(mounts.values());
  const names = new Set<string>();
  const paths = new Set<string>();
  each(container["volumeDevices"], path, ({ name = "", devicePath = "" }: Struct, at) => {
    const volume = volumes.get(name);
    required(errors, `${at}.name`, name);
    if (names.has(name)) errors.push(fieldError.invalid(`${at}.name`, name, "must be unique"));
    if (volume === undefined) errors.push(fieldError.notFound(`${at}.name`, name));
    else if (volume["persistentVolumeClaim"] === undefined && volume["ephemeral"] === undefined) {
      const detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
      errors.push(fieldError.invalid(`${at}.name`, name, detail));
    }
    required(errors, `${at}.devicePath`, devicePath);
    if (paths.has(devicePath)) errors.push(fieldError.invalid(`${at}.devicePath`, devicePath, "must be unique"));
    if (devicePath.split("/").includes("..")) {
      errors.push(fieldError.invalid(`${at}.devicePath`, devicePath, "can not contain backsteps ('..')"));
    } else {
      paths.add(devicePath);
    }
    if (mounts.has(name)) errors.push(fieldError.invalid(`${at}.name`, name, "must not already exist in volumeMounts"));
    if (mountPaths.has(devicePath)) {
      const detail = "must not already exist as a path in volumeMounts";
      errors.push(fieldError.invalid(`${at}.devicePath`, devicePath, detail));
    }
    if (name !== "") names.add(name);
  });
}

function resizePolicy(
  errors: Errors,
  path: string,
  policies: Struct[] | undefined,
  podRestartPolicy: string | undefined,
): void {
  const seen = new Set<string>();
  each(policies, path, ({ resourceName = "", restartPolicy = "" }, at) => {
    if (seen.has(resourceName)) errors.push(fieldError.duplicate(at, resourceName));
    seen.add(resourceName);
    requiredOneOf(errors, path, resourceName, ["cpu", "memory"]);
    requiredOneOf(errors, path, restartPolicy, ["NotRequired", "RestartContainer"]);
    if (podRestartPolicy === "Never" && restartPolicy !== "NotRequired") {
      const detail = "must be 'NotRequired' when `restartPolicy` is 'Never'";
      errors.push(fieldError.invalid(path, restartPolicy, detail));
    }
  });
}

/** A container's own restart policy and rules. */
function restartPolicy(errors: Errors, path: string, container: Struct): void {
  const policy = container["restartPolicy"];
  const rules: Struct[] = container["restartPolicyRules"] ?? [];
  if (policy === undefined) {
    if (rules.length === 0) return;
    errors.push(fieldError.required(`${path}.restartPolicy`, "must specify restartPolicy when restart rules are used"));
  } else {
    optionalOneOf(errors, `${path}.restartPolicy`, policy, ["Always", "Never", "OnFailure"]);
  }
  if (rules.length > 20) errors.push(fieldError.tooLong(`${path}.restartPolicyRules`, 20));
  each(rules, `${path}.restartPolicyRules`, ({ action = "", exitCodes }, at) => {
    optionalOneOf(errors, `${at}.action`, action, ["Restart"]);
    if (exitCodes === undefined) {
      errors.push(fieldError.required(`${at}.exitCodes`, "must be specified"));
      return;
    }
    optionalOneOf(errors, `${at}.exitCodes.operator`, exitCodes.operator ?? "", ["In", "NotIn"]);
    if (exitCodes.values?.length > 255) errors.push(fieldError.tooLong(`${at}.exitCodes.values`, 255));
  });
}
