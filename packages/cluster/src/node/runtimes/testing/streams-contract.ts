import { text } from "node:stream/consumers";
import { expect, test, vi } from "vitest";
import type { LogLine } from "../../runtime.ts";
import { type RuntimeFixture, waiting } from "./runtime-fixture.ts";

/** Logs, exec, attach and connections, as every runtime must have them. */
export function streamsContract(on: RuntimeFixture): void {
  const { run, ended, logOf, logged, commandOf } = on;

  test("logs: streams, times, the last lines, since, and following to the end", async () => {
    const { pod, id } = await run("echo one; echo two >&2; echo three; sleep 0.3; printf four");
    let followed = "";
    for await (const line of logOf(pod, id, { follow: true })) followed += line.text.toString();
    expect(followed.split("\n").sort().join(" ")).toBe("four one three two");
    const lines: LogLine[] = [];
    for await (const line of logOf(pod, id)) lines.push(line);
    expect(lines.map(({ stream }) => stream).sort()).toEqual(["stderr", "stdout", "stdout", "stdout"]);
    expect(lines[0]?.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(Z|[+-]\d\d:\d\d)$/);
    expect(await logged(pod, id, { tailLines: 1 })).toBe("four");
    expect(await logged(pod, id, { tailLines: 0 })).toBe("");
    expect(await logged(pod, id, { stream: "stderr" })).toBe("two\n");
    const last = lines.find(({ text: content }) => content.toString() === "four");
    expect(await logged(pod, id, { sinceMs: (last?.timeMs ?? 0) - 50 })).toBe("four");
    expect(await logged(pod, id, { sinceMs: Date.now() + 60_000 })).toBe("");
  });

  test("logs: long lines are whole, much is read as it is taken, and leaving is fine", async () => {
    const { pod, id } = await run(
      "head -c 40000 /dev/zero | tr '\\0' x; echo; i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done",
    );
    await ended(id);
    const output = await logged(pod, id);
    expect(output.slice(0, 40_001)).toBe(`${"x".repeat(40_000)}\n`);
    expect(output.endsWith("\n19999\n")).toBe(true);
    let taken = 0;
    for await (const _line of logOf(pod, id)) if (++taken === 10) break;
    const abort = new AbortController();
    const forever = await run("echo up; sleep 1000");
    for await (const _line of logOf(forever.pod, forever.id, { follow: true, signal: abort.signal })) abort.abort();
  });

  test("exec: streams, end of input, exit code", async () => {
    const { id } = await run("sleep 1000");
    const session = await on.runtime.exec(id, ["sh", "-c", "cat; echo oops >&2; exit 3"], {
      stdin: true,
      stdout: true,
      stderr: true,
      tty: false,
    });
    const [stdout, stderr] = [
      text(session.stdout as NodeJS.ReadableStream),
      text(session.stderr as NodeJS.ReadableStream),
    ];
    session.stdin?.write("hello ");
    session.stdin?.end("world\n");
    expect(await session.exit).toEqual({ exitCode: 3 });
    expect(await stdout).toBe("hello world\n");
    expect(await stderr).toBe("oops\n");
  });

  test("exec: a lot through it both ways", async () => {
    const { id } = await run("sleep 1000");
    const options = { stdin: true, stdout: true, stderr: false, tty: false };
    const session = await on.runtime.exec(id, ["sh", "-c", "cat | wc -c; head -c 5000000 /dev/zero"], options);
    const reading = (async () => {
      let size = 0;
      for await (const chunk of session.stdout as AsyncIterable<Buffer>) size += chunk.length;
      return size;
    })();
    session.stdin?.end(Buffer.alloc(5_000_000));
    expect(await reading).toBe(5_000_000 + "5000000\n".length);
    expect(await session.exit).toEqual({ exitCode: 0 });
  });

  test("exec with a terminal has its size", async () => {
    const { id } = await run("sleep 1000");
    const options = { stdin: true, stdout: true, stderr: false, tty: true };
    const session = await on.runtime.exec(id, ["sh"], options);
    let said = "";
    session.stdout?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    session.resize({ width: 123, height: 45 });
    await vi.waitFor(
      () => {
        if (!said.includes("45 123")) session.stdin?.write("stty size\n");
        expect(said).toContain("45 123");
      },
      { timeout: 30_000, interval: 200 },
    );
    session.stdin?.write("exit 9\n");
    expect(await session.exit).toEqual({ exitCode: 9 });
  });

  test("exec of what is not there fails or says 126 or 127; in what has ended it fails", async () => {
    const { id } = await run("sleep 1000");
    const options = { stdin: false, stdout: true, stderr: true, tty: false };
    const code = await on.runtime
      .exec(id, ["/no/such/program"], options)
      .then(async (session) => {
        session.stdout?.resume();
        session.stderr?.resume();
        return (await session.exit).exitCode;
      })
      .catch((error: Error) => error.message);
    expect(String(code)).toMatch(/^12[67]$|no such file/);
    await on.runtime.stopContainer(id, 0);
    await expect(on.runtime.exec(id, ["true"], options).then((session) => session.exit)).rejects.toThrow();
  });

  test("execSync: both streams, cut at 10 KiB, ended at the limit", async () => {
    const { id } = await run("sleep 1000");
    expect(await commandOf(id, "echo out; echo err >&2; exit 4")).toEqual({
      exitCode: 4,
      output: expect.stringMatching(/^(out\nerr|err\nout)\n$/),
      timedOut: false,
    });
    const { output } = await commandOf(id, "head -c 100000 /dev/zero | tr '\\0' y");
    expect(output).toBe("y".repeat(10_240));
    expect(await commandOf(id, "exec sleep 777", 300)).toMatchObject({ timedOut: true });
    await vi.waitFor(async () => expect((await commandOf(id, "ps")).output).not.toContain("sleep 777"), waiting);
  });

  test("attach: the main process's streams", async () => {
    const { id, pod } = await run("read line; echo got $line; read line; exit 6", { stdin: true });
    const options = { stdin: true, stdout: true, stderr: true, tty: false };
    const session = await on.runtime.attach(id, options);
    const output = text(session.stdout as NodeJS.ReadableStream);
    session.stderr?.resume();
    session.stdin?.write("hello\n");
    await vi.waitFor(async () => expect(await logged(pod, id)).toBe("got hello\n"), waiting);
    session.stdin?.write("bye\n");
    expect(await session.exit).toEqual({ exitCode: 0 });
    expect(await output).toContain("got hello\n");
    expect(await ended(id)).toMatchObject({ exitCode: 6 });
  });

  test("dial reaches ports of the pod, on its loopback address too, and says when nobody listens", async () => {
    const { pod, id } = await run(
      "cd /tmp; echo page > index.html; httpd -p 8001 -h /tmp; httpd -f -p 127.0.0.1:8002 -h /tmp",
    );
    const read = async (port: number): Promise<string> => {
      const connection = await on.runtime.dial(pod, port);
      connection.write("GET / HTTP/1.0\r\n\r\n");
      return text(connection);
    };
    await vi.waitFor(async () => expect(await read(8001)).toMatch(/200 OK.*page\n$/s), waiting);
    await vi.waitFor(async () => expect(await read(8002)).toMatch(/200 OK.*page\n$/s), waiting);
    await expect(on.runtime.dial(pod, 8003)).rejects.toThrow(/connection refused/);
    await on.runtime.stopContainer(id, 0);
  });
}
