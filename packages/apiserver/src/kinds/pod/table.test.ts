import type { JsonObject } from "@podwright/kube";
import { expect, it } from "vitest";
import { podTable } from "./table.ts";

const now = Date.parse("2026-01-01T01:00:00Z");
const fiveMinutesAgo = "2026-01-01T00:55:00Z";
const running = { name: "app", ready: true, restartCount: 0, state: { running: { startedAt: fiveMinutesAgo } } };
const waiting = (reason: string) => ({ name: "app", restartCount: 0, state: { waiting: { reason } } });
const ended = (exitCode: number, reason?: string) => ({
  name: "app",
  restartCount: 0,
  state: { terminated: { exitCode, ...(reason !== undefined && { reason }) } },
});

/** Ready, status and restarts, as `kubectl get pods` shows them. */
function shown(status: JsonObject, spec: JsonObject = {}, metadata: JsonObject = {}): unknown[] {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "a", creationTimestamp: fiveMinutesAgo, ...metadata },
    spec: { containers: [{ name: "app" }], ...spec },
    status,
  };
  return podTable.cells(pod, now).slice(1, 4);
}

it.each<[string, JsonObject, unknown[]]>([
  ["new", { phase: "Pending" }, ["0/1", "Pending", "0"]],
  ["running", { phase: "Running", containerStatuses: [running] }, ["1/1", "Running", "0"]],
  [
    "starting",
    { phase: "Pending", containerStatuses: [waiting("ContainerCreating")] },
    ["0/1", "ContainerCreating", "0"],
  ],
  [
    "crashing",
    {
      phase: "Running",
      containerStatuses: [
        {
          ...waiting("CrashLoopBackOff"),
          restartCount: 3,
          lastState: { terminated: { exitCode: 1, finishedAt: fiveMinutesAgo } },
        },
      ],
    },
    ["0/1", "CrashLoopBackOff", "3 (5m ago)"],
  ],
  ["done", { phase: "Succeeded", containerStatuses: [ended(0, "Completed")] }, ["0/1", "Completed", "0"]],
  ["failed", { phase: "Failed", containerStatuses: [ended(2, "Error")] }, ["0/1", "Error", "0"]],
  ["failed without a reason", { phase: "Failed", containerStatuses: [ended(2)] }, ["0/1", "ExitCode:2", "0"]],
  ["evicted", { phase: "Failed", reason: "Evicted" }, ["0/1", "Evicted", "0"]],
])("%s", (_, status, cells) => {
  expect(shown(status)).toEqual(cells);
});

it("counts the init containers that are done", () => {
  const spec = { initContainers: [{ name: "one" }, { name: "two" }] };
  const init = [
    { name: "one", ready: true, restartCount: 0, state: { terminated: { exitCode: 0 } } },
    { name: "two", restartCount: 0, state: { running: {} } },
  ];
  expect(shown({ phase: "Pending", initContainerStatuses: init }, spec)).toEqual(["0/1", "Init:1/2", "0"]);
});

it("says that it is being deleted", () => {
  const deleting = { deletionTimestamp: fiveMinutesAgo };
  expect(shown({ phase: "Running", containerStatuses: [running] }, {}, deleting)).toEqual(["1/1", "Terminating", "0"]);
});
