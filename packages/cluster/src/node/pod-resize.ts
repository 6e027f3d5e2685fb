/**
 * Changing the resources of containers that run
 * (k8s.io/kubernetes/pkg/kubelet/{allocation/allocation_manager.go,kuberuntime/kuberuntime_manager.go}).
 */
import { isDeepStrictEqual } from "node:util";
import { messageOf } from "@podwright/kube";
import type { Condition, Container, Pod } from "../kinds.ts";
import { type ContainerRecord, containerOf } from "./container-record.ts";
import type { PodContainers } from "./pod-containers.ts";
import type { ContainerRuntime } from "./runtime.ts";

export interface ResizeAdmission {
  /** Undefined when the node has room for the pod as it is now asked for; the new amounts then count. */
  resize(pod: Pod): { reason: "Deferred" | "Infeasible"; message: string } | undefined;
}

type ResizeCondition = Pick<Condition, "type" | "status" | "reason" | "message">;

export class PodResize {
  conditions: ResizeCondition[] = [];
  readonly #containers: PodContainers;
  readonly #runtime: ContainerRuntime;
  readonly #admission: ResizeAdmission;
  /** Containers that are being ended for it, by id. */
  readonly #restarting = new Set<string>();

  constructor(containers: PodContainers, runtime: ContainerRuntime, admission: ResizeAdmission) {
    this.#containers = containers;
    this.#runtime = runtime;
    this.#admission = admission;
  }

  /** Brings the limits of running containers to what the pod says. */
  async sync(pod: Pod): Promise<void> {
    const changed = this.#containers.records.filter((record) => isChanged(pod, record));
    if (changed.length === 0) {
      if (this.conditions.length > 0) this.conditions = [];
      this.#restarting.clear();
      return;
    }
    const refusal = this.#admission.resize(pod);
    if (refusal !== undefined) {
      this.conditions = [{ type: "PodResizePending", status: "True", ...refusal }];
      return;
    }
    this.conditions = [{ type: "PodResizeInProgress", status: "True" }];
    for (const record of changed) record.allocated = containerOf(pod, record).resources ?? {};
    for (const record of changed) {
      const container = containerOf(pod, record);
      const { condition } = record;
      if (condition.type === "running" && needsRestart(container, record)) {
        // Its next run has them.
        if (this.#restarting.has(condition.id)) continue;
        this.#restarting.add(condition.id);
        this.#containers.restart(record, `Container ${record.name} resize requires restart`);
        continue;
      }
      try {
        if (condition.type === "running") await this.#runtime.updateResources(condition.id, container);
        record.resources = container.resources ?? {};
      } catch (error) {
        const message = messageOf(error);
        this.conditions = [{ type: "PodResizeInProgress", status: "True", reason: "Error", message }];
        return;
      }
    }
    if (!this.#containers.records.some((record) => isChanged(pod, record))) this.conditions = [];
  }
}

function isChanged(pod: Pod, record: ContainerRecord): boolean {
  if (record.condition.type !== "running" || record.role === "ephemeral" || record.role === "init") return false;
  if (record.resources === undefined) return false;
  return !isDeepStrictEqual(record.resources, containerOf(pod, record).resources ?? {});
}

/** Some resource that changes is one that the container asks to be restarted for. */
function needsRestart(container: Container, { resources }: ContainerRecord): boolean {
  return (container.resizePolicy ?? []).some(({ resourceName, restartPolicy }) => {
    if (restartPolicy !== "RestartContainer") return false;
    const { requests = {}, limits = {} } = container.resources ?? {};
    const isSame =
      requests[resourceName] === resources?.requests?.[resourceName] &&
      limits[resourceName] === resources?.limits?.[resourceName];
    return !isSame;
  });
}
