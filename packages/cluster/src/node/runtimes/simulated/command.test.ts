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
  expect(commandOutcome(command)).toMatchObject({ durationMs, exitCode });
});

const env = { WHO: "world", EMPTY: "", HOSTNAME: "p-1" };

test.each<[script: string, output: string, exitCode?: number]>([
  ["echo hello; echo again", "hello\nagain\n"],
  ["echo -n a; echo b", "ab\n"],
  ["echo \"hello $WHO\" '$WHO' \x24{WHO} \\$WHO", "hello world $WHO world $WHO\n"],
  ["echo \x24{NONE:-nothing} $EMPTY end", "nothing end\n"],
  ['X=1; Y=$X; echo "x=$Y"', "x=1\n"],
  ["echo a#b # a comment; exit 3", "a#b\n"],
  ["echo quiet > /dev/null; echo file >> /tmp/f; echo loud", "loud\n"],
  ["printf '%s is %d\\n' one 1", "one is 1\n"],
  ['echo "on $(hostname)"', "on p-1\n"],
  ["for i in 3 2 1; do echo $i; done; echo go", "3\n2\n1\ngo\n"],
  ['if [ "$WHO" = world ]; then echo yes; else echo no; fi', "yes\n"],
  ['if [ "$WHO" = me ]; then echo yes; elif false; then echo maybe; else echo no; fi; exit 4', "no\n", 4],
  ["for i in 1 2; do if [ $i = 2 ]; then echo two; exit 5; fi; done", "two\n", 5],
  ["[ $WHO != world ] || exit 6", "", 6],
  ["set -e\necho one\nfalse\necho two", "one\n", 1],
])("%s writes %j", (script, output, exitCode = 0) => {
  const outcome = commandOutcome(["sh", "-c", script], env);
  expect(outcome.output.map(({ text }) => text).join("")).toBe(output);
  expect(outcome.exitCode).toBe(exitCode);
});

test("output has its time and its stream, also of what runs on", () => {
  expect(commandOutcome(["sh", "-c", "echo a; sleep 2; echo b >&2; nginx"])).toEqual({
    durationMs: forever,
    exitCode: 0,
    output: [
      { atMs: 0, stream: "stdout", text: "a\n" },
      { atMs: 2000, stream: "stderr", text: "b\n" },
    ],
  });
});
