import type { ManagedSet } from "@podwright/kube";
import { managerId, secondsOf } from "./managed-fields.ts";

/** Updaters an object may have before the oldest become one (internal/fieldmanager.go, DefaultMaxUpdateManagers). */
const maxUpdaters = 10;
const oldUpdaters = "ancient-changes";

/** Merges the oldest updaters of each version until there are few enough (capmanagers.go). Changes both maps. */
export function capUpdaters(managers: Map<string, ManagedSet>, times: Map<string, string>): void {
  const updaters = [...managers].filter(([, { applied }]) => !applied).map(([id]) => id);
  let left = updaters.length;
  if (left <= maxUpdaters) return;
  updaters.sort((a, b) => secondsOf(times.get(a)) - secondsOf(times.get(b)) || (a < b ? -1 : 1));
  const firstOfVersion = new Map<string, string>();
  for (const id of updaters) {
    if (left <= maxUpdaters) return;
    const managed = managers.get(id) as ManagedSet;
    const { apiVersion } = managed;
    const first = firstOfVersion.get(apiVersion);
    if (first === undefined) {
      firstOfVersion.set(apiVersion, id);
      continue;
    }
    const bucket = managerId({ manager: oldUpdaters, operation: "Update", apiVersion });
    const merged = managers.get(bucket) ?? (managers.get(first) as ManagedSet);
    if (!managers.has(bucket)) managers.delete(first);
    managers.delete(id);
    managers.set(bucket, { ...managed, set: managed.set.union(merged.set) });
    const time = times.get(id);
    if (time === undefined) times.delete(bucket);
    else times.set(bucket, time);
    left--;
  }
}
