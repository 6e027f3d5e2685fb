import { type FieldError, fieldError, isDns1123Subdomain, isQualifiedName, type KubeObject } from "@podwright/kube";
import { equalJson } from "../../resources/equal.ts";
import { type Errors, each, invalid, ipAddress, isImmutable, maxInt32 } from "../field-checks.ts";
import type { Struct } from "../kind.ts";
import { jsonDiff } from "../unified-diff.ts";
import { imageWithoutSpaces } from "./containers-validation.ts";
import { tolerations } from "./scheduling-validation.ts";
import { podAnnotations, podSpec } from "./spec-validation.ts";

const updatable = [
  "`spec.containers[*].image`",
  "`spec.initContainers[*].image`",
  "`spec.activeDeadlineSeconds`",
  "`spec.tolerations` (only additions to existing tolerations)",
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
];

export function validatePod(pod: KubeObject): FieldError[] {
  const errors: Errors = [];
  const spec: Struct = pod["spec"];
  annotationsAndSpec(errors, pod);
  if (spec["ephemeralContainers"]?.length > 0) {
    errors.push(fieldError.forbidden("spec.ephemeralContainers", "cannot be set on create"));
  }
  if (spec["nodeName"] && spec["schedulingGates"]?.length > 0) {
    const detail = "cannot be set until all schedulingGates have been cleared";
    errors.push(fieldError.forbidden("spec.nodeName", detail));
  }
  return errors;
}

function annotationsAndSpec(errors: Errors, pod: KubeObject): void {
  const spec: Struct = pod["spec"];
  podAnnotations(errors, "metadata.annotations", pod.metadata.annotations, spec);
  podSpec(errors, "spec", spec, pod.metadata.name ?? "");
  if (!spec["serviceAccountName"]) {
    each(spec["volumes"], "spec.volumes", (volume: Struct, at) => {
      each(volume["projected"]?.sources, `${at}.projected.sources`, (source: Struct, sourcePath) => {
        if (source["serviceAccountToken"] === undefined) return;
        const detail = "must not be specified when serviceAccountName is not set";
        errors.push(fieldError.forbidden(`${sourcePath}.serviceAccountToken`, detail));
      });
    });
  }
  for (const field of ["containers", "initContainers"]) {
    each(spec[field], `spec.${field}`, (container: Struct, at) => imageWithoutSpaces(errors, at, container));
  }
}

/** Little of a pod may change once it is there (upstream's ValidatePodUpdate). */
export function validatePodUpdate(pod: KubeObject, old: KubeObject): FieldError[] {
  const errors: Errors = [];
  const spec: Struct = pod["spec"];
  const before: Struct = old["spec"];
  annotationsAndSpec(errors, pod);
  mirrorAnnotation(errors, pod, old);

  for (const field of ["containers", "initContainers"]) {
    const now: Struct[] = spec[field] ?? [];
    if (now.length !== (before[field] ?? []).length) {
      errors.push(fieldError.forbidden(`spec.${field}`, "pod updates may not add or remove containers"));
      return errors;
    }
    each(now, `spec.${field}`, (container, at) => {
      if (!container["image"]) errors.push(fieldError.required(`${at}.image`));
      imageWithoutSpaces(errors, at, container);
    });
  }
  if (!activeDeadline(errors, spec["activeDeadlineSeconds"], before["activeDeadlineSeconds"])) return errors;
  addedTolerations(errors, spec["tolerations"] ?? [], before["tolerations"] ?? []);
  const gates = new Set((before["schedulingGates"] ?? []).map(({ name }: Struct) => name));
  each(spec["schedulingGates"], "spec.schedulingGates", ({ name }: Struct, at) => {
    if (gates.has(name)) return;
    const detail = `only deletion is allowed, but found new scheduling gate '${name}'`;
    errors.push(fieldError.forbidden(`${at}.name`, detail));
  });
  if (equalJson(spec, before)) return errors;

  const rest = withoutUpdatable(spec, before);
  if (gates.size > 0) gatedPod(errors, rest, before);
  if (!equalJson(rest, before)) {
    const detail = `pod updates may not change fields other than ${updatable.join(",")}\n${jsonDiff(before, rest)}`;
    errors.push(fieldError.forbidden("spec", detail));
  }
  return errors;
}

/** The new spec with the old values in the fields that may change, so that what differs now may not. */
function withoutUpdatable(spec: Struct, before: Struct): Struct {
  const rest: Struct = { ...spec };
  for (const field of ["containers", "initContainers"]) {
    if (spec[field] === undefined) continue;
    rest[field] = spec[field].map((container: Struct, index: number) => ({
      ...container,
      image: before[field]?.[index]?.image,
    }));
  }
  for (const field of ["activeDeadlineSeconds", "schedulingGates", "tolerations"]) {
    if (before[field] === undefined) delete rest[field];
    else rest[field] = before[field];
  }
  if (before["terminationGracePeriodSeconds"] < 0 && rest["terminationGracePeriodSeconds"] === 1) {
    rest["terminationGracePeriodSeconds"] = before["terminationGracePeriodSeconds"];
  }
  return rest;
}

/** A pod that waits at a gate may still be narrowed to fewer nodes. */
function gatedPod(errors: Errors, rest: Struct, before: Struct): void {
  const selector: Record<string, string> = rest["nodeSelector"] ?? {};
  const changed = Object.entries(before["nodeSelector"] ?? {}).some(([key, value]) => selector[key] !== value);
  if (changed) {
    const detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
    errors.push(fieldError.invalid("spec.nodeSelector", selector, detail));
  }
  if (before["nodeSelector"] === undefined) delete rest["nodeSelector"];
  else rest["nodeSelector"] = before["nodeSelector"];
}

/** May be set and lowered. False when the checks end here. */
function activeDeadline(errors: Errors, now: number | undefined, before: number | undefined): boolean {
  const path = "spec.activeDeadlineSeconds";
  if (now === undefined) {
    if (before !== undefined) {
      errors.push(fieldError.invalid(path, null, "must not update from a positive integer to nil value"));
    }
    return true;
  }
  if (now < 0 || now > maxInt32) {
    errors.push(fieldError.invalid(path, now, `must be between 0 and ${maxInt32}, inclusive`));
    return false;
  }
  if (before !== undefined && before < now) {
    errors.push(fieldError.invalid(path, now, "must be less than or equal to previous value"));
    return false;
  }
  return true;
}

function addedTolerations(errors: Errors, now: Struct[], before: Struct[]): void {
  const withoutSeconds = ({ tolerationSeconds: _, ...toleration }: Struct) => toleration;
  const kept = before.every((old) => now.some((other) => equalJson(withoutSeconds(other), withoutSeconds(old))));
  if (kept) tolerations(errors, "spec.tolerations", now);
  else {
    const detail = "existing toleration can not be modified except its tolerationSeconds";
    errors.push(fieldError.forbidden("spec.tolerations", detail));
  }
}

function mirrorAnnotation(errors: Errors, pod: KubeObject, old: KubeObject): void {
  const name = "kubernetes.io/config.mirror";
  const now = pod.metadata.annotations?.[name];
  const before = old.metadata.annotations?.[name];
  if (now === before) return;
  const action = before === undefined ? "add" : "remove or update";
  errors.push(fieldError.forbidden(`metadata.annotations[${name}]`, `may not ${action} mirror pod annotation`));
}

const systemConditions: ReadonlySet<string> = new Set(["PodScheduled", "Ready", "Initialized"]);

export function validatePodStatusUpdate(pod: KubeObject, old: KubeObject): FieldError[] {
  const errors: Errors = [];
  const status: Struct = pod["status"] ?? {};
  const before: Struct = old["status"] ?? {};
  mirrorAnnotation(errors, pod, old);
  each(status["conditions"], "status.conditions", ({ type = "", observedGeneration = 0 }: Struct, at) => {
    if (observedGeneration < 0) {
      errors.push(fieldError.invalid(`${at}.observedGeneration`, observedGeneration, "must be a non-negative integer"));
    }
    if (!systemConditions.has(type)) invalid(errors, `${at}.Type`, type, isQualifiedName(type));
  });
  const nominated = status["nominatedNodeName"];
  if (nominated && nominated !== before["nominatedNodeName"]) {
    invalid(errors, "status.nominatedNodeName", nominated, isDns1123Subdomain(nominated));
  }
  if (status["observedGeneration"] < 0) {
    const detail = "must be a non-negative integer";
    errors.push(fieldError.invalid("status.observedGeneration", status["observedGeneration"], detail));
  }
  if ((status["qosClass"] ?? "") !== (before["qosClass"] ?? "")) {
    errors.push(fieldError.invalid("status.qosClass", status["qosClass"] ?? "", isImmutable));
  }
  terminatedStaysSo(errors, old["spec"], status["containerStatuses"], before["containerStatuses"]);
  each(status["podIPs"], "status.podIPs", ({ ip }: Struct, at) => ipAddress(errors, at, ip));
  each(status["hostIPs"], "status.hostIPs", ({ ip }: Struct, at) => ipAddress(errors, at, ip));
  return errors;
}

/** A container that has ended and is not restarted cannot come back. */
function terminatedStaysSo(errors: Errors, spec: Struct, now: Struct[] = [], before: Struct[] = []): void {
  if (spec["restartPolicy"] === "Always") return;
  each(before, "status.containerStatuses", ({ name, state }, at) => {
    if (state?.terminated === undefined) return;
    const container = (spec["containers"] ?? []).find((candidate: Struct) => candidate["name"] === name);
    if (container?.restartPolicy === "Always") return;
    if (state.terminated.exitCode !== 0 && spec["restartPolicy"] === "OnFailure") return;
    const next = now.find((status) => status["name"] === name);
    if (next !== undefined && next["state"]?.terminated === undefined) {
      errors.push(fieldError.forbidden(`${at}.state`, "may not be transitioned to non-terminated state"));
    }
  });
}
