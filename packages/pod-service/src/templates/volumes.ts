import type { JsonObject } from "@podwright/kube";
import { type FieldProblem, invalidField, Problem } from "../problem.ts";
import { isObject } from "../tenants/tenant.ts";

/** A claim to mount, as requests have it. */
export interface VolumeRequest {
  pvc: string;
  mount: string;
  subpath?: string;
}

const longestPath = 4096;

/**
 * Checks what a request wants mounted: claims the tenant may use, absolute paths that are not the root and have no
 * "..", subpaths that stay inside, nothing twice. Throws a Problem that names each wrong field.
 */
export function checkVolumes(vols: readonly VolumeRequest[], allowed: readonly string[] | undefined): void {
  const errors: FieldProblem[] = [];
  const mounts = new Set<string>();
  for (const [index, { pvc, mount, subpath }] of vols.entries()) {
    const wrong = (member: string, message: string) => errors.push({ field: `vols[${index}].${member}`, message });
    if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(pvc)) wrong("pvc", "must be the name of a claim");
    else if (allowed !== undefined && !allowed.some((glob) => matches(glob, pvc))) {
      wrong("pvc", "is no claim that this tenant may mount");
    }
    const path = normalizedMount(mount);
    if (mount.length > longestPath) wrong("mount", `must be at most ${longestPath} characters`);
    else if (!mount.startsWith("/")) wrong("mount", "must be an absolute path");
    else if (path === "/") wrong("mount", "must not be the root");
    else if (hasDots(mount)) wrong("mount", 'must not have "." or ".." in it');
    else if (/[:\0-\x1f\x7f]/.test(mount)) wrong("mount", "must not have colons or control characters in it");
    else if (mounts.has(path)) wrong("mount", "is mounted twice");
    mounts.add(path);
    if (subpath === undefined || subpath === "") continue;
    if (subpath.length > longestPath) wrong("subpath", `must be at most ${longestPath} characters`);
    else if (subpath.startsWith("/")) wrong("subpath", "must be relative");
    else if (hasDots(subpath)) wrong("subpath", 'must not have "." or ".." in it');
    else if (/[\0-\x1f\x7f]/.test(subpath)) wrong("subpath", "must not have control characters in it");
  }
  if (errors.length === 0) return;
  const message = errors.map(({ field, message }) => `${field} ${message}`).join("; ");
  throw new Problem("invalid_request", message, { errors });
}

/**
 * Adds the volumes to a pod's specification and their mounts to the containers given, beside what the template has.
 * One claim is one volume, however often it is mounted. Throws a Problem for a path that the template mounts already.
 */
export function addVolumes(spec: JsonObject, containers: readonly JsonObject[], vols: readonly VolumeRequest[]): void {
  if (vols.length === 0) return;
  const volumes = [...((spec["volumes"] ?? []) as JsonObject[])];
  const taken = new Set(volumes.map((volume) => volume["name"]));
  const nameOf = new Map<string, string>();
  for (const { pvc } of vols) {
    if (nameOf.has(pvc)) continue;
    let number = nameOf.size;
    while (taken.has(`vol-${number}`)) number++;
    const name = `vol-${number}`;
    taken.add(name);
    nameOf.set(pvc, name);
    volumes.push({ name, persistentVolumeClaim: { claimName: pvc } });
  }
  spec["volumes"] = volumes;
  for (const container of containers) {
    const mounts = [...((container["volumeMounts"] ?? []) as JsonObject[])];
    const paths = new Set(mounts.filter(isObject).map((mount) => normalizedMount(String(mount["mountPath"]))));
    for (const [index, { pvc, mount, subpath }] of vols.entries()) {
      if (paths.has(normalizedMount(mount))) throw invalidField(`vols[${index}].mount`, "the template mounts something there");
      mounts.push({ name: nameOf.get(pvc)!, mountPath: mount, ...(subpath ? { subPath: subpath } : {}) });
    }
    container["volumeMounts"] = mounts;
  }
}

function normalizedMount(path: string): string {
  return path.replace(/\/+/g, "/").replace(/(.)\/$/, "$1");
}

function hasDots(path: string): boolean {
  return path.split("/").some((part) => part === ".." || part === ".");
}

function matches(glob: string, text: string): boolean {
  const parts = glob.split("*");
  if (parts.length === 1) return glob === text;
  const [first = "", ...rest] = parts;
  const last = rest.pop() ?? "";
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
