import type { Container, Pod, ResourceRequirements } from "../kinds.ts";
import { isSidecar } from "../pods.ts";
import { BackOff } from "./back-off.ts";
import type { ContainerExit } from "./runtime.ts";

/** A run of a container that has ended. */
export interface EndedRun {
  id: string;
  startedAtMs: number;
  exit: ContainerExit;
}

export type ContainerCondition =
  | { type: "waiting" }
  | { type: "running"; id: string; startedAtMs: number }
  | ({ type: "ended" } & EndedRun);

/** What an agent knows of one container of a pod. */
export interface ContainerRecord {
  readonly name: string;
  readonly role: "init" | "sidecar" | "main" | "ephemeral";
  condition: ContainerCondition;
  /** The run before the present one. */
  previous: EndedRun | undefined;
  restarts: number;
  imageId: string;
  /** Passed its startup probe, and its readiness probe. */
  started: boolean;
  ready: boolean;
  readonly backOff: BackOff;
  /** Why it does not run though it is to; shown as the reason of its waiting. */
  trouble: { reason: string; message: string } | undefined;
  /** It runs, but its postStart hook does too: nobody is told yet that it runs. */
  hooking: boolean;
  /** What the node has set aside for it; what it is to get. */
  allocated: ResourceRequirements | undefined;
  /** As the runtime was told last. */
  resources: ResourceRequirements | undefined;
}

/** Records of a pod's containers, init containers first, none started. */
export function newRecords(pod: Pod): ContainerRecord[] {
  const { initContainers = [], containers, ephemeralContainers = [] } = pod.spec;
  return [
    ...initContainers.map((container) => newRecord(container, isSidecar(container) ? "sidecar" : "init")),
    ...containers.map((container) => newRecord(container, "main")),
    ...ephemeralContainers.map((container) => newRecord(container, "ephemeral")),
  ];
}

/** The records with one more for each ephemeral container that the pod has got since. */
export function withNewRecords(records: ContainerRecord[], pod: Pod): ContainerRecord[] {
  const added = (pod.spec.ephemeralContainers ?? []).filter(({ name }) => !records.some((each) => each.name === name));
  return added.length === 0 ? records : [...records, ...added.map((container) => newRecord(container, "ephemeral"))];
}

function newRecord({ name }: Container, role: ContainerRecord["role"]): ContainerRecord {
  return {
    name,
    role,
    condition: { type: "waiting" },
    previous: undefined,
    restarts: 0,
    imageId: "",
    started: false,
    ready: false,
    backOff: new BackOff(),
    trouble: undefined,
    hooking: false,
    allocated: undefined,
    resources: undefined,
  };
}

/** The container of the pod that the record is of; its image may have been changed since. */
export function containerOf({ spec, metadata }: Pod, { role, name }: ContainerRecord): Container {
  const lists = { main: spec.containers, ephemeral: spec.ephemeralContainers };
  const containers = role === "main" || role === "ephemeral" ? lists[role] : spec.initContainers;
  const container = containers?.find((candidate) => candidate.name === name);
  if (container === undefined) throw new Error(`pod ${metadata.name} has no container ${name}`);
  return container;
}

/** Where events about a container point to. */
export function fieldPath({ role, name }: ContainerRecord): string {
  const lists = { main: "containers", ephemeral: "ephemeralContainers", init: "initContainers" };
  return `spec.${lists[role === "sidecar" ? "init" : role]}{${name}}`;
}

/** The run that has ended last, unless the container runs. */
export function lastEnd(record: ContainerRecord): EndedRun | undefined {
  return record.condition.type === "ended" ? record.condition : record.previous;
}

/** It is to run once more though it has succeeded: its pod begins from the start. */
export function beginAnew(record: ContainerRecord): void {
  if (record.condition.type !== "ended") return;
  record.previous = record.condition;
  record.condition = { type: "waiting" };
  record.restarts++;
  record.ready = false;
}

/** It is not started again: what crashed and was to be shows how it ended. */
export function settle(record: ContainerRecord): void {
  if (record.trouble?.reason === "CrashLoopBackOff") record.trouble = undefined;
}

/** The id of the container of that name while it runs. */
export function runningId(records: readonly ContainerRecord[], name: string): string | undefined {
  const condition = records.find((record) => record.name === name)?.condition;
  return condition?.type === "running" ? condition.id : undefined;
}
