import { fieldError } from "@podwright/kube";
import { descendingPath, type Errors, each, optionalOneOf, processId, requiredOneOf } from "../field-checks.ts";
import type { Struct } from "../kind.ts";

const profileTypes = ["Localhost", "RuntimeDefault", "Unconfined"];
const sysctlName = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;
const sysctlMaxLength = 253;

export function containerSecurityContext(
  errors: Errors,
  path: string,
  context: Struct | undefined,
  hostUsers: boolean,
): void {
  if (context === undefined) return;
  processId(errors, `${path}.runAsUser`, context["runAsUser"]);
  processId(errors, `${path}.runAsGroup`, context["runAsGroup"]);
  const { procMount } = context;
  optionalOneOf(errors, `${path}.procMount`, procMount, ["Default", "Unmasked"]);
  if (hostUsers && procMount === "Unmasked") {
    errors.push(fieldError.invalid(`${path}.procMount`, procMount, "`hostUsers` must be false to use `Unmasked`"));
  }
  seccompProfile(errors, `${path}.seccompProfile`, context["seccompProfile"]);
  if (context["allowPrivilegeEscalation"] === false) {
    const conflict = (other: string) => `cannot set \`allowPrivilegeEscalation\` to false and ${other}`;
    if (context["privileged"]) errors.push(fieldError.invalid(path, context, conflict("`privileged` to true")));
    for (const capability of context["capabilities"]?.add ?? []) {
      if (capability !== "CAP_SYS_ADMIN") continue;
      errors.push(fieldError.invalid(path, context, conflict("`capabilities.Add` CAP_SYS_ADMIN")));
    }
  }
  appArmorProfile(errors, `${path}.appArmorProfile`, context["appArmorProfile"]);
}

export function podSecurityContext(errors: Errors, path: string, spec: Struct): void {
  const context: Struct | undefined = spec["securityContext"];
  if (context === undefined) return;
  processId(errors, `${path}.fsGroup`, context["fsGroup"]);
  processId(errors, `${path}.runAsUser`, context["runAsUser"]);
  processId(errors, `${path}.runAsGroup`, context["runAsGroup"]);
  each(context["supplementalGroups"], `${path}.supplementalGroups`, (id: number, at) => processId(errors, at, id));
  if (spec["shareProcessNamespace"] && spec["hostPID"]) {
    const detail = "ShareProcessNamespace and HostPID cannot both be enabled";
    errors.push(fieldError.invalid(`${path}.shareProcessNamespace`, true, detail));
  }
  sysctls(errors, `${path}.sysctls`, context["sysctls"], spec);
  optionalOneOf(errors, `${path}.fsGroupChangePolicy`, context["fsGroupChangePolicy"], ["Always", "OnRootMismatch"]);
  seccompProfile(errors, `${path}.seccompProfile`, context["seccompProfile"]);
  appArmorProfile(errors, `${path}.appArmorProfile`, context["appArmorProfile"]);
  optionalOneOf(errors, `${path}.supplementalGroupsPolicy`, context["supplementalGroupsPolicy"], ["Merge", "Strict"]);
  optionalOneOf(errors, `${path}.seLinuxChangePolicy`, context["seLinuxChangePolicy"], ["Recursive"]);
}

function sysctls(errors: Errors, path: string, list: Struct[] | undefined, spec: Struct): void {
  const names = new Set<string>();
  each(list, path, ({ name = "" }, at) => {
    if (name === "") errors.push(fieldError.required(`${at}.name`));
    else if (name.length > sysctlMaxLength || !sysctlName.test(name)) {
      const regex = "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
      const detail = `must have at most ${sysctlMaxLength} characters and match regex ${regex}`;
      errors.push(fieldError.invalid(`${at}.name`, name, detail));
    } else if (names.has(name)) errors.push(fieldError.duplicate(`${at}.name`, name));
    names.add(name);
    const dotted = name.replaceAll("/", ".");
    if (spec["hostNetwork"] && dotted.startsWith("net.")) {
      errors.push(fieldError.invalid(`${at}.name`, name, "may not be specified when 'hostNetwork' is true"));
    } else if (spec["hostIPC"] && /^(kernel\.(shm|msg|sem)|fs\.mqueue\.)/.test(dotted)) {
      errors.push(fieldError.invalid(`${at}.name`, name, "may not be specified when 'hostIPC' is true"));
    }
  });
}

function seccompProfile(errors: Errors, path: string, profile: Struct | undefined): void {
  if (profile === undefined) return;
  const { type, localhostProfile } = profile;
  if (!type) errors.push(fieldError.required(`${path}.type`, "type is required when seccompProfile is set"));
  else optionalOneOf(errors, `${path}.type`, type, profileTypes);
  if (type !== "Localhost") {
    if (localhostProfile === undefined) return;
    const detail = "can only be set when seccomp type is Localhost";
    errors.push(fieldError.invalid(`${path}.localhostProfile`, profile, detail));
  } else if (localhostProfile === undefined) {
    errors.push(fieldError.required(`${path}.localhostProfile`, "must be set when seccomp type is Localhost"));
  } else {
    descendingPath(errors, `${path}.localhostProfile`, localhostProfile);
  }
}

function appArmorProfile(errors: Errors, path: string, profile: Struct | undefined): void {
  if (profile === undefined) return;
  const { type, localhostProfile } = profile;
  if (!type) {
    errors.push(fieldError.required(`${path}.type`, "type is required when appArmorProfile is set"));
    return;
  }
  requiredOneOf(errors, `${path}.type`, type, profileTypes);
  if (type === "Localhost") {
    const at = `${path}.localhostProfile`;
    if (localhostProfile !== undefined && localhostProfile !== localhostProfile.trim()) {
      errors.push(fieldError.invalid(at, localhostProfile, "must not be padded with whitespace"));
    } else if (!localhostProfile) {
      errors.push(fieldError.required(at, "must be set when AppArmor type is Localhost"));
    }
    if (localhostProfile?.length > 4095) errors.push(fieldError.tooLong(at, 4095));
  } else if (profileTypes.includes(type) && localhostProfile !== undefined) {
    const detail = "can only be set when AppArmor type is Localhost";
    errors.push(fieldError.invalid(`${path}.localhostProfile`, localhostProfile, detail));
  }
}
