import { expect, test } from "vitest";
import { commandOutcome } from "./command.ts";

const forever = Number.POSITIVE_INFINITY;

test.each<[command: string[], durationMs: number, exitCode: number]>([
  [[], forever, 0],
  [["nginx", "-g", "daemon off;"], forever, 0],
  [["true"], 0, 0],
  [["/bin/false"], 0, 1],
  [["sleep", "3"], 3000, 0],
  [["sleep", "0.5"], 500, 0],
  [["sleep", "1m", "2s"], 62_000, 0],
  [["sleep", "infinity"], forever, 0],
  [["sleep", "soon"], 0, 1],
  [["exit", "4"], 0, 4],
  [["sh"], forever, 0],
  [["sh", "-c", "exit 3"], 0, 3],
  [["sh", "-c", "exit 256"], 0, 0],
  [["/bin/bash", "-ec", "sleep 1; exit 3"], 1000, 3],
  [["sh", "-c", "sleep 1\nsleep 2"], 3000, 0],
  [["sh", "-c", 'echo "a; exit 1"'], 0, 0],
  [["sh", "-c", "echo hello > /dev/termination-log; false"], 0, 1],
  [["sh", "-c", "false && sleep 5; true"], 0, 0],
  [["sh", "-c", "false || sleep 5"], 5000, 0],
  [["sh", "-c", "false; true"], 0, 0],
  [["sh", "-e", "-c", "false; true"], 0, 1],
  [["sh", "-c", "set -e; false; true"], 0, 1],
  [["sh", "-c", "exit 2; sleep 9"], 0, 2],
  [["sh", "-c", "exec sleep 2"], 2000, 0],
  [["sh", "-c", "while true; do sleep 1; done"], forever, 0],
  [["sh", "-c", "sleep 5 & wait"], forever, 0],
  [["sh", "-c", "until nslookup db; do sleep 2; done"], forever, 0],
  [["sh", "-c", "sh -c 'exit 7'"], 0, 7],
])("%j ends after %d ms with %d", (command, durationMs, exitCode) => {
  expect(commandOutcome(command)).toEqual({ durationMs, exitCode });
});
