import {
  fieldError,
  isDns1123Label,
  isDns1123Subdomain,
  isQualifiedName,
  regexError,
  validateLabels,
} from "@podwright/kube";
import {
  type Errors,
  each,
  invalid,
  ipAddress,
  maxInt32,
  optionalOneOf,
  required,
  requiredOneOf,
} from "../field-checks.ts";
import type { Struct } from "../kind.ts";
import { annotations } from "../template-metadata.ts";
import { containers, ephemeralContainers, initContainers, type PodContext } from "./containers-validation.ts";
import { podLevelResources } from "./pod-level-resources.ts";
import { resourceAmount, resourceName } from "./resources-validation.ts";
import { affinity, schedulingGates, tolerations, topologySpreadConstraints } from "./scheduling-validation.ts";
import { podSecurityContext } from "./security-validation.ts";
import { volumes } from "./volumes-validation.ts";

const dnsPolicies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
const maxNameservers = 3;
const maxSearchPaths = 32;
const maxSearchCharacters = 2048;

/** A DNS-1123 subdomain with underscores. */
const searchLabel = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const searchFormat = `${searchLabel}(\\.${searchLabel})*`;
const searchPath = new RegExp(`^${searchFormat}$`);
const searchMessage =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character";

/** A pod template, wherever it is (k8s.io/kubernetes/pkg/apis/core/validation/validation.go, ValidatePodTemplateSpec). */
export function podTemplate(errors: Errors, path: string, template: Struct): void {
  const metadata: Struct = template["metadata"] ?? {};
  errors.push(...validateLabels(metadata["labels"], `${path}.labels`));
  annotations(errors, `${path}.annotations`, metadata["annotations"]);
  podAnnotations(errors, `${path}.annotations`, metadata["annotations"], template["spec"] ?? {});
  podSpec(errors, `${path}.spec`, template["spec"] ?? {});
  if (template["spec"]?.ephemeralContainers?.length > 0) {
    const detail = "ephemeral containers not allowed in pod template";
    errors.push(fieldError.forbidden(`${path}.spec.ephemeralContainers`, detail));
  }
}

/** @param podName of a pod, not of a template. */
export function podSpec(errors: Errors, path: string, spec: Struct, podName?: string): void {
  const isPod = podName !== undefined;
  const regular: Struct[] = spec["containers"] ?? [];
  const init: Struct[] = spec["initContainers"] ?? [];
  if (spec["terminationGracePeriodSeconds"] === undefined) {
    errors.push(fieldError.required(`${path}.terminationGracePeriodSeconds`));
  }
  const pod: PodContext = {
    volumes: volumes(errors, `${path}.volumes`, spec["volumes"], podName),
    claimNames: resourceClaims(errors, `${path}.resourceClaims`, spec["resourceClaims"]),
    gracePeriodSeconds: spec["terminationGracePeriodSeconds"],
    restartPolicy: spec["restartPolicy"],
    os: spec["os"]?.name,
    hostUsers: spec["hostUsers"] ?? true,
  };
  containers(errors, `${path}.containers`, regular, pod);
  initContainers(errors, `${path}.initContainers`, init, regular, pod);
  ephemeralContainers(
    errors,
    `${path}.ephemeralContainers`,
    spec["ephemeralContainers"] ?? [],
    [...regular, ...init],
    pod,
  );
  if (spec["resources"] !== undefined) podLevelResources(errors, `${path}.resources`, spec, pod.claimNames);
  if (spec["hostNetwork"]) hostPortsOnHostNetwork(errors, `${path}.containers`, regular, isPod);

  requiredOneOf(errors, `${path}.restartPolicy`, spec["restartPolicy"], ["Always", "OnFailure", "Never"]);
  requiredOneOf(errors, `${path}.dnsPolicy`, spec["dnsPolicy"], dnsPolicies);
  errors.push(...validateLabels(spec["nodeSelector"], `${path}.nodeSelector`));
  podSecurityContext(errors, `${path}.securityContext`, spec);
  affinity(errors, `${path}.affinity`, spec["affinity"]);
  dnsConfig(errors, `${path}.dnsConfig`, spec["dnsConfig"], spec["dnsPolicy"]);
  each(spec["readinessGates"], `${path}.readinessGates`, ({ conditionType = "" }: Struct, at) => {
    invalid(errors, `${at}.conditionType`, conditionType, isQualifiedName(conditionType));
  });
  schedulingGates(errors, `${path}.schedulingGates`, spec["schedulingGates"]);
  topologySpreadConstraints(errors, `${path}.topologySpreadConstraints`, spec["topologySpreadConstraints"]);
  if (!pod.hostUsers) {
    const detail = "when `hostUsers` is false";
    if (spec["hostNetwork"]) errors.push(fieldError.forbidden(`${path}.hostNetwork`, detail));
    if (spec["hostPID"]) errors.push(fieldError.forbidden(`${path}.HostPID`, detail));
    if (spec["hostIPC"]) errors.push(fieldError.forbidden(`${path}.HostIPC`, detail));
  }
  names(errors, path, spec);
  tolerations(errors, `${path}.tolerations`, spec["tolerations"]);
  each(spec["hostAliases"], `${path}.hostAliases`, ({ ip, hostnames }: Struct, at) => {
    ipAddress(errors, `${at}.ip`, ip);
    each(hostnames as string[], `${at}.hostnames`, (name, namePath) =>
      invalid(errors, namePath, name, isDns1123Subdomain(name)),
    );
  });
  const classes = { priorityClassName: spec["priorityClassName"], runtimeClassName: spec["runtimeClassName"] };
  if (classes.priorityClassName) {
    invalid(
      errors,
      `${path}.priorityClassName`,
      classes.priorityClassName,
      isDns1123Subdomain(classes.priorityClassName),
    );
  }
  if (classes.runtimeClassName !== undefined) {
    invalid(errors, `${path}.runtimeClassName`, classes.runtimeClassName, isDns1123Subdomain(classes.runtimeClassName));
  }
  if (spec["preemptionPolicy"] !== undefined) {
    requiredOneOf(errors, `${path}.preemptionPolicy`, spec["preemptionPolicy"], ["PreemptLowerPriority", "Never"]);
  }
  for (const [name, quantity] of Object.entries<string>(spec["overhead"] ?? {})) {
    resourceName(errors, `${path}.overhead.limits[${name}]`, name);
    resourceAmount(errors, `${path}.overhead.limits[${name}]`, name, quantity);
  }
  if (spec["os"] !== undefined) {
    required(errors, `${path}.os.name`, spec["os"].name);
    if (spec["os"].name) optionalOneOf(errors, `${path}.os`, spec["os"].name, ["linux", "windows"]);
  }
}

/** Names of other objects, of hosts, and the deadline that stands among them. */
function names(errors: Errors, path: string, spec: Struct): void {
  const check = (field: string, rule: (name: string) => string[]) => {
    if (spec[field]) invalid(errors, `${path}.${field}`, spec[field], rule(spec[field]));
  };
  const override: string | undefined = spec["hostnameOverride"];
  if (override !== undefined) {
    const at = `${path}.hostnameOverride`;
    if (spec["setHostnameAsFQDN"]) {
      errors.push(fieldError.forbidden(at, "may not be specified when setHostnameAsFQDN is true"));
    }
    if (spec["hostNetwork"]) errors.push(fieldError.forbidden(at, "may not be specified when hostNetwork is true"));
    if (override.length > 64) errors.push(fieldError.tooLong(at, 64));
    invalid(errors, at, override, isDns1123Subdomain(override));
  }
  check("serviceAccountName", isDns1123Subdomain);
  check("nodeName", isDns1123Subdomain);
  const deadline = spec["activeDeadlineSeconds"];
  if (deadline !== undefined && (deadline < 1 || deadline > maxInt32)) {
    const detail = `must be between 1 and ${maxInt32}, inclusive`;
    errors.push(fieldError.invalid(`${path}.activeDeadlineSeconds`, deadline, detail));
  }
  check("hostname", isDns1123Label);
  check("subdomain", isDns1123Label);
}

function resourceClaims(errors: Errors, path: string, claims: Struct[] | undefined): Set<string> {
  const names = new Set<string>();
  each(claims, path, ({ name = "", resourceClaimName, resourceClaimTemplateName }, at) => {
    if (name === "") errors.push(fieldError.required(`${at}.name`));
    else if (names.has(name)) errors.push(fieldError.duplicate(`${at}.name`, name));
    else invalid(errors, `${at}.name`, name, isDns1123Label(name));
    names.add(name);
    if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined) {
      const detail = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified";
      errors.push(fieldError.invalid(at, { name, resourceClaimName, resourceClaimTemplateName }, detail));
    }
    if (resourceClaimName === undefined && resourceClaimTemplateName === undefined) {
      const detail = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`";
      errors.push(fieldError.invalid(at, { name }, detail));
    }
  });
  return names;
}

/** In a template the host port may be left out: pods get it. */
function hostPortsOnHostNetwork(errors: Errors, path: string, list: Struct[], isPod: boolean): void {
  each(list, path, (container, at) => {
    each(container["ports"], `${at}.ports`, ({ hostPort = 0, containerPort = 0 }: Struct, portPath) => {
      if (hostPort === containerPort || (hostPort === 0 && !isPod)) return;
      const detail = "must match `containerPort` when `hostNetwork` is true";
      errors.push(fieldError.invalid(`${portPath}.hostPort`, hostPort, detail));
    });
  });
}

function dnsConfig(errors: Errors, path: string, config: Struct | undefined, policy: string | undefined): void {
  if (policy === "None" && config === undefined) {
    errors.push(fieldError.required(path, "must provide `dnsConfig` when `dnsPolicy` is None"));
    return;
  }
  if (policy === "None" && !config?.["nameservers"]?.length) {
    const detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
    errors.push(fieldError.required(`${path}.nameservers`, detail));
    return;
  }
  const nameservers: string[] = config?.["nameservers"] ?? [];
  const searches: string[] = config?.["searches"] ?? [];
  if (nameservers.length > maxNameservers) {
    const detail = `must not have more than ${maxNameservers} nameservers`;
    errors.push(fieldError.invalid(`${path}.nameservers`, nameservers, detail));
  }
  each(nameservers, `${path}.nameservers`, (address, at) => ipAddress(errors, at, address));
  if (searches.length > maxSearchPaths) {
    const detail = `must not have more than ${maxSearchPaths} search paths`;
    errors.push(fieldError.invalid(`${path}.searches`, searches, detail));
  }
  if (searches.join(" ").length > maxSearchCharacters) {
    const detail = `must not have more than ${maxSearchCharacters} characters (including spaces) in the search list`;
    errors.push(fieldError.invalid(`${path}.searches`, searches, detail));
  }
  each(searches, `${path}.searches`, (search, at) => {
    if (search === ".") return;
    const name = search.replace(/\.$/, "");
    if (!searchPath.test(name)) invalid(errors, at, name, [regexError(searchMessage, searchFormat, "example.com")]);
  });
  each(config?.["options"], `${path}.options`, ({ name }: Struct, at) => {
    if (!name) errors.push(fieldError.required(at, "must not be empty"));
  });
}

/** Annotations of pods that mean something. */
export function podAnnotations(
  errors: Errors,
  path: string,
  annotations: Record<string, string> | undefined,
  spec: Struct,
): void {
  if (annotations === undefined) return;
  const mirror = annotations["kubernetes.io/config.mirror"];
  if (mirror !== undefined && !spec["nodeName"]) {
    const detail = "must set spec.nodeName if mirror pod annotation is set";
    errors.push(fieldError.invalid(`${path}[kubernetes.io/config.mirror]`, mirror, detail));
  }
  const cost = annotations["controller.kubernetes.io/pod-deletion-cost"];
  if (cost !== undefined && !(/^(0|-?[1-9][0-9]{0,9})$/.test(cost) && Math.abs(Number(cost)) <= maxInt32)) {
    const at = `${path}[controller.kubernetes.io/pod-deletion-cost]`;
    errors.push(fieldError.invalid(at, cost, "must be a 32bit integer"));
  }
}
