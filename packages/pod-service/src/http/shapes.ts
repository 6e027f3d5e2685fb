import type { KubeObject } from "@podwright/kube";
import { stringifyJson } from "@podwright/kube/json";
import type { LiveRun } from "../runs/live-runs.ts";
import type { Run } from "../runs/run.ts";

/** An object and its run as one JSON text. */
export function podJson(object: KubeObject, run: Run): string {
  return stringifyJson({ ...object, run });
}

/** The same of a run in the cluster; made once for each state of it. */
export function livePodJson(live: LiveRun): string {
  live.json ??= podJson(live.object, live.run);
  return live.json;
}

/** Only some members, by their paths ("run.phase"). */
export function pick(value: object, fields: string): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const field of fields.split(",")) {
    const path = field.split(".");
    let [from, to]: [unknown, Record<string, unknown>] = [value, picked];
    for (const [index, name] of path.entries()) {
      if (typeof from !== "object" || from === null || !Object.hasOwn(from, name)) break;
      from = (from as Record<string, unknown>)[name];
      if (index === path.length - 1) to[name] = from;
      else {
        const inner = to[name];
        to[name] = typeof inner === "object" && inner !== null && inner !== from ? inner : {};
        to = to[name] as Record<string, unknown>;
      }
    }
  }
  return picked;
}

const freeMaps = new Set([
  "labels",
  "annotations",
  "nodeSelector",
  "matchLabels",
  "data",
  "limits",
  "requests",
  "allocatedResources",
]);

/**
 * The object with upstream's names beside Kubernetes': its program answered with Python's (`creation_timestamp`),
 * and its clients read those.
 */
export function withPythonNames(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withPythonNames);
  if (typeof value !== "object" || value === null) return value;
  const both: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const inner = freeMaps.has(name) ? member : withPythonNames(member);
    both[name] = inner;
    const python = pythonName(name);
    if (python !== name) both[python] = inner;
  }
  return both;
}

// hostIP → host_ip, podIPs → pod_i_ps, as the Python client's generator names them.
function pythonName(name: string): string {
  return name
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1_$2")
    .replace(/([a-z\d])([A-Z])/g, "$1_$2")
    .toLowerCase();
}
