/** kubectl's streams to and from real containers. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { kubectlProgram } from "../kubectl.ts";
import { removeFolder, shortFolder } from "../machine/folder.ts";
import { nodeLaneMissing } from "../node-lane.ts";
import { first, hasPhase, type NodeScene, openNodeScene, patience } from "./scene.ts";

const why = nodeLaneMissing === undefined ? "" : ` (${nodeLaneMissing})`;

describe.skipIf(nodeLaneMissing !== undefined)(`Streams${why}`, { timeout: 90_000, concurrent: true }, () => {
  let scene: NodeScene;
  let folder: string;
  beforeAll(async () => {
    folder = await shortFolder("pws-");
    scene = await openNodeScene("streams");
    await scene.make("shell", [{}]);
    await scene.isReady("shell");
  });
  afterAll(async () => {
    await scene?.lane.close();
    await removeFolder(folder);
  });
  const kubectl = (...args: string[]) => scene.kubectl(args);

  /** In a terminal of its own: what is typed after each of the texts has come, and all that was shown. */
  async function inTerminal(args: string[], steps: [string, string][], columns = 80): Promise<string> {
    const given = ["--kubeconfig", scene.lane.kubeconfig, "-n", scene.namespace, ...args];
    const command = [await kubectlProgram(), ...given].map((word) => `'${word}'`).join(" ");
    const child = spawn("script", ["-qec", `stty cols ${columns} rows 30; ${command}`, "/dev/null"]);
    let output = "";
    let next = 0;
    let from = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      for (let step = steps[next]; step !== undefined; step = steps[next]) {
        const at = output.indexOf(step[0], from);
        if (at < 0) return;
        from = at + step[0].length;
        child.stdin.write(step[1]);
        next++;
      }
    });
    await new Promise((resolve) => child.on("close", resolve));
    return output.replaceAll("\r", "");
  }

  test("exec: outputs apart, input, exit codes", async () => {
    expect(await kubectl("exec", "shell", "--", "sh", "-c", "echo out; echo err >&2; exit 5")).toEqual({
      code: 5,
      stdout: "out\n",
      stderr: "err\ncommand terminated with exit code 5\n",
    });
    const given = await scene.kubectl(["exec", "-i", "shell", "--", "wc", "-c"], "x".repeat(1_000_000));
    expect(given.stdout).toBe("1000000\n");
    const missing = await kubectl("exec", "shell", "--", "not-there");
    expect(missing.code).not.toBe(0);
    // Docker's own words come on standard output, as a result of 126.
    expect(missing.stdout + missing.stderr).toContain('exec: "not-there": executable file not found in $PATH');
    const killed = await kubectl("exec", "shell", "--", "sh", "-c", "kill -9 $$");
    expect(killed.code).toBe(137);
    const other = await kubectl("exec", "shell", "-c", "none", "--", "true");
    expect(other.stderr).toContain("container none is not valid for pod shell");
  });

  test("exec -it: a terminal, of the right size, with its exit code", async () => {
    const shown = await inTerminal(
      ["exec", "-it", "shell", "--", "sh"],
      [
        ["# ", "stty size; tty\n"],
        ["/dev/pts/", "exit 3\n"],
      ],
      101,
    );
    expect(shown).toContain("30 101\n");
    expect(shown).toContain("command terminated with exit code 3");
  });

  test("attach: what a container says from now on, and its terminal", async () => {
    await scene.make("typed", [{ command: ["sh"], stdin: true, tty: true, stdinOnce: true }], {
      restartPolicy: "Never",
    });
    await scene.isReady("typed");
    const steps: [string, string][] = [
      ["", "\n"],
      ["# ", "echo $((6*7))\n"],
      ["42", "exit 4\n"],
    ];
    expect(await inTerminal(["attach", "-it", "typed"], steps)).toContain("42\n");
    const pod = await scene.reaches("typed", hasPhase("Failed"));
    expect(first(pod).state.terminated.exitCode).toBe(4);
    const piped = await scene.kubectl(
      [
        "run",
        "piped",
        "--image=busybox:1.36",
        "--image-pull-policy=IfNotPresent",
        "-i",
        "--rm",
        "--quiet",
        "--restart=Never",
        "--",
        "cat",
      ],
      "through\n",
    );
    expect(piped.stdout).toContain("through\n");
  });

  test("cp: files and folders, both ways", async () => {
    const data = randomBytes(3_000_000);
    const from = join(folder, "from");
    await mkdir(join(from, "deep"), { recursive: true });
    await writeFile(join(from, "deep", "data"), data);
    await kubectl("cp", from, "shell:/tmp/there");
    expect(await scene.inPod("shell", "wc -c < /tmp/there/deep/data")).toBe("3000000\n");
    await kubectl("cp", "shell:/tmp/there/deep/data", join(folder, "back"));
    expect((await readFile(join(folder, "back"))).equals(data)).toBe(true);
  });

  test("port-forward: by the pod, many connections, and a port that nobody has", async () => {
    const script = "mkdir /w; head -c 2000000 /dev/zero > /w/big; exec httpd -f -p 8080 -h /w";
    await scene.make("web", [
      { command: ["sh", "-c", script], readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 } },
    ]);
    await scene.isReady("web");
    const forward = await scene.kubectlBeside("port-forward", "pod/web", ":8080", ":9");
    const ports = await vi.waitFor(() => {
      const found = [...forward.output().matchAll(/127\.0\.0\.1:(\d+) -> (\d+)/g)].map(([, local]) => Number(local));
      expect(found).toHaveLength(2);
      return found;
    }, patience);
    const sizes = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const answer = await fetch(`http://127.0.0.1:${ports[0]}/big`, { headers: { connection: "close" } });
        return (await answer.arrayBuffer()).byteLength;
      }),
    );
    expect(sizes).toEqual(Array(8).fill(2_000_000));
    await new Promise((resolve) =>
      connect(ports[1] as number, "127.0.0.1")
        .on("close", resolve)
        .on("error", resolve)
        .resume(),
    );
    await vi.waitFor(
      () => expect(forward.output()).toMatch(/error forwarding port 9 to pod .*(refused|failed)/),
      patience,
    );
    await forward.end();
  });

  test("logs: from the end, since, with times, of all containers, by label", async () => {
    const prints = "i=1; while [ $i -le 5 ]; do echo line $i; i=$((i+1)); done; echo oops >&2";
    const metadata = { labels: { app: "logs" } };
    const talks = (name: string) => ({ name, command: ["sh", "-c", prints] });
    await scene.make("logs", [talks("a"), talks("b")], { restartPolicy: "Never" }, metadata);
    await scene.reaches("logs", hasPhase("Succeeded"));
    const log = async (...args: string[]) => (await kubectl("logs", ...args)).stdout;
    expect((await log("logs", "-c", "a")).split("\n").sort()).toEqual([
      "",
      "line 1",
      "line 2",
      "line 3",
      "line 4",
      "line 5",
      "oops",
    ]);
    expect((await log("logs", "-c", "a", "--tail", "2")).split("\n")).toHaveLength(3);
    expect(await log("logs", "-c", "a", "--tail", "0")).toBe("");
    expect(await log("logs", "-c", "a", "--limit-bytes", "6")).toHaveLength(6);
    expect(await log("logs", "-c", "a", "--timestamps")).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z line 1$/m);
    expect(await log("logs", "-c", "a", "--since", "10m")).toContain("line 1\n");
    expect(await log("logs", "-c", "a", "--since-time", "2999-01-01T00:00:00Z")).toBe("");
    const all = await log("-l", "app=logs", "--all-containers", "--prefix");
    for (const name of ["a", "b"]) expect(all).toContain(`[pod/logs/${name}] line 5\n`);
    const unsaid = await kubectl("logs", "logs");
    expect(unsaid.stderr).toContain("Defaulted container");
    const none = await kubectl("logs", "logs", "-c", "a", "--previous");
    expect(none.stderr).toContain('previous terminated container "a" in pod "logs" not found');
  });

  test("logs -f: line by line, to the end of the container, over a restart not", async () => {
    const script =
      "while [ ! -e /tmp/end ]; do [ -e /tmp/say ] && cat /tmp/say && rm /tmp/say; sleep 0.05; done; echo last";
    await scene.make("follows", [{ command: ["sh", "-c", script] }]);
    await scene.isReady("follows");
    const follow = await scene.kubectlBeside("logs", "-f", "follows");
    for (const line of ["one", "two"]) {
      await scene.inPod("follows", `echo ${line} > /tmp/new; mv /tmp/new /tmp/say`);
      await vi.waitFor(() => expect(follow.output()).toContain(`${line}\n`), patience);
    }
    const closed = new Promise((resolve) => follow.process.once("close", resolve));
    await scene.inPod("follows", "touch /tmp/end");
    expect(await closed).toBe(0);
    expect(follow.output()).toBe("one\ntwo\nlast\n");
    await vi.waitFor(async () => {
      expect((await kubectl("logs", "follows", "--previous")).stdout).toBe("one\ntwo\nlast\n");
    }, patience);
  });

  test("logs -f: no line twice while the log is rotated, and in order", async () => {
    const count = 250_000;
    // 30 MB and more, in 15 s: docker begins a new file at 10 MB, the others look for it every 10 s.
    const line = `printf "line %d ${"x".repeat(60)}\\n", n++`;
    const script = `awk 'BEGIN { while (n < ${count}) { ${line}; if (n % 5000 == 0) { fflush(); system("usleep 250000") } } }'`;
    await scene.make("rotated", [{ command: ["sh", "-c", script] }], { restartPolicy: "Never" });
    await scene.reaches("rotated", ({ status }) => status?.phase === "Running" || status?.phase === "Succeeded");
    const { stdout } = await kubectl("logs", "-f", "rotated");
    const numbers = stdout.split("\n").map((line) => Number(line.split(" ")[1]));
    numbers.pop();
    expect(numbers.at(-1)).toBe(count - 1);
    expect(numbers.findIndex((number, i) => i > 0 && number <= (numbers[i - 1] as number))).toBe(-1);
    // Docker's own follower leaves lines out at a new file when the machine has much else to do.
    if (scene.lane.runtime !== "docker") expect(numbers).toHaveLength(count);
  });

  test("logs: a line of 100 KB, and one without an end", async () => {
    const script = "head -c 100000 /dev/zero | tr '\\0' x; echo; printf half";
    await scene.make("long", [{ command: ["sh", "-c", script] }], { restartPolicy: "Never" });
    await scene.reaches("long", hasPhase("Succeeded"));
    const { stdout } = await kubectl("logs", "long");
    expect(stdout).toBe(`${"x".repeat(100_000)}\nhalf`);
    expect((await kubectl("logs", "long", "--tail", "1")).stdout).toBe("half");
  });

  test("logs of a container that has not started say why", async () => {
    await scene.make("early", [{ image: "none:1", imagePullPolicy: "Never" }]);
    await scene.reaches("early", (pod) => first(pod)?.state?.waiting?.reason === "ErrImageNeverPull");
    const { stderr, code } = await kubectl("logs", "early");
    expect(code).toBe(1);
    expect(stderr).toBe(
      'Error from server (BadRequest): container "c" in pod "early" is waiting to start: ErrImageNeverPull\n',
    );
  });

  test("debug: a copy of a pod, and the node itself", async () => {
    const image = ["--image=busybox:1.36", "--image-pull-policy=IfNotPresent", "--profile=general"];
    await kubectl(
      "debug",
      "shell",
      "--copy-to=copied",
      "-c",
      "dbg",
      ...image,
      "--share-processes",
      "--",
      "sleep",
      "100",
    );
    const pod = await scene.isReady("copied");
    expect(pod["status"].containerStatuses).toHaveLength(2);
    const node = await kubectl("debug", `node/${scene.lane.node}`, ...image, "--", "ls", "/host");
    const name = /pod (\S+)/.exec(node.stdout + node.stderr)?.[1] as string;
    await scene.reaches(name, hasPhase("Succeeded"));
    expect((await kubectl("logs", name)).stdout).toContain("proc\n");
  });
});
