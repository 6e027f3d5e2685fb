import { expect, test, vi } from "vitest";
import { ContainerStartError, ImagePullError } from "../../runtime.ts";
import { type RuntimeFixture, waiting } from "./runtime-fixture.ts";

/** Starting, ending, finding again. */
export function lifeCycleContract(on: RuntimeFixture): void {
  const { run, ended, logged, commandOf, podOf, sandboxOf, startIn } = on;

  test("an end is told with its code, after the start is", async () => {
    const pod = podOf({ command: ["sh", "-c", "exit 7"] });
    await sandboxOf(pod);
    const starting = startIn(pod);
    const id = await starting.then((started) => {
      expect(on.exits.has(started)).toBe(false);
      return started;
    });
    expect(await ended(id)).toMatchObject({ exitCode: 7, reason: "Error" });
    expect(Math.abs((on.exits.get(id)?.finishedAtMs ?? 0) - Date.now())).toBeLessThan(30_000);
    const fine = await run("true");
    expect(await ended(fine.id)).toMatchObject({ exitCode: 0, reason: "Completed" });
  });

  test("a start that fails says why", async () => {
    const pod = podOf({ command: ["/no/such/program"] });
    await sandboxOf(pod);
    const failure = await startIn(pod).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ContainerStartError);
    expect(failure).toMatchObject({ reason: expect.stringMatching(/RunContainerError|StartError/) });
    expect((failure as Error).message).toContain("/no/such/program");
    // The same attempt again.
    await expect(startIn(pod)).rejects.toBeInstanceOf(ContainerStartError);
  });

  test("stopping is polite, then not, and has been told when it is done", async () => {
    const polite = await run("trap 'exit 5' TERM; while true; do sleep 0.05; done");
    await vi.waitFor(async () => expect((await commandOf(polite.id, "ps")).output).toContain("trap"), waiting);
    await on.runtime.stopContainer(polite.id, 30_000);
    expect(on.exits.get(polite.id)).toMatchObject({ exitCode: 5 });
    const deaf = await run("trap '' TERM; while true; do sleep 0.05; done");
    await vi.waitFor(async () => expect((await commandOf(deaf.id, "ps")).output).toContain("sleep 0.05"), waiting);
    await on.runtime.stopContainer(deaf.id, 1000);
    expect(on.exits.get(deaf.id)).toMatchObject({ exitCode: 137, reason: "Error" });
    // It has ended already.
    await on.runtime.stopContainer(deaf.id, 1000);
    await on.runtime.removeContainer(deaf.id);
    await on.runtime.removeContainer(deaf.id);
  });

  test("what an agent before started is found again", async () => {
    const pod = podOf(
      { command: ["sh", "-c", "trap 'exit 2' TERM; while true; do sleep 0.05; done"] },
      { command: ["sh", "-c", "exit 3"] },
    );
    const ip = await sandboxOf(pod);
    const stays = await startIn(pod, 0, { attempt: 1 });
    const goes = await startIn(pod, 1);
    await ended(goes);
    await on.runtime.close();
    on.exits.clear();
    on.reopen();
    expect(await on.runtime.recover(podOf())).toBeUndefined();
    expect(await on.runtime.listPods()).toEqual([
      { uid: pod.metadata.uid, namespace: "default", name: pod.metadata.name },
    ]);
    const recovered = await on.runtime.recover(pod);
    expect(recovered?.sandbox).toEqual({ ip });
    expect(recovered?.containers.get("c0")).toMatchObject({ id: stays, attempt: 1, startedAtMs: expect.any(Number) });
    expect(recovered?.containers.get("c0")?.exit).toBeUndefined();
    expect(recovered?.containers.get("c1")).toMatchObject({ id: goes, exit: { exitCode: 3, reason: "Error" } });
    expect((await commandOf(stays, "hostname")).output).toBe(`${pod.metadata.name}\n`);
    await on.runtime.stopContainer(stays, 20_000);
    expect(on.exits.get(stays)).toMatchObject({ exitCode: 2 });
    expect(on.exits.has(goes)).toBe(false);
    // Its container and log stay when the sandbox goes.
    await on.runtime.stopSandbox({ uid: pod.metadata.uid ?? "", name: "", namespace: "" });
    expect(await logged(pod, goes)).toBe("");
  });

  test("the loss of a sandbox is told", async () => {
    const { pod } = await run("sleep 1000");
    await on.under.loseSandbox(pod.metadata.uid ?? "");
    await vi.waitFor(() => expect(on.lost).toEqual([pod.metadata.uid]), waiting);
  });

  test("images: those that are there, and one that is nowhere", async () => {
    const image = await on.runtime.findImage(on.under.image);
    expect(image).toMatchObject({ id: expect.stringMatching(/sha256:[0-9a-f]{64}$/), sizeBytes: expect.any(Number) });
    expect(await on.runtime.findImage("localhost:1/no/such:image")).toBeUndefined();
    const names = (await on.runtime.listImages()).flatMap((listed) => listed.names);
    expect(names.some((listed) => listed.includes("busybox"))).toBe(true);
    const pulling = on.runtime.pullImage("localhost:1/no/such:image", {
      credentials: [],
      signal: new AbortController().signal,
    });
    await expect(pulling).rejects.toBeInstanceOf(ImagePullError);
  });

  test("many pods at once", async () => {
    const pods = await Promise.all(Array.from({ length: 8 }, () => run("sleep 1000")));
    expect(new Set(pods.map(({ ip }) => ip)).size).toBe(8);
    await Promise.all(pods.map(({ id }) => on.runtime.stopContainer(id, 0)));
  });
}
