import { mkdir, readlink, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import type { Container } from "../../../kinds.ts";
import type { Mount } from "../../runtime.ts";
import { type RuntimeFixture, waiting } from "./runtime-fixture.ts";

/** What a container sees of the world, and what it may. */
export function isolationContract(on: RuntimeFixture): void {
  const { run, ended, logged, outputOf, commandOf, podOf, sandboxOf, startIn } = on;

  test("a container has the pod's name, address, names of servers, and nothing of the runtime's", async () => {
    const { pod, ip, id } = await run(
      "hostname; cat /etc/hostname /etc/resolv.conf; ip -4 -o addr show eth0; echo $HOSTNAME",
    );
    await ended(id);
    const output = await logged(pod, id);
    const { name: podName } = pod.metadata;
    expect(output).toBe(
      `${podName}\n${podName}\nsearch default.svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n${
        output.match(/.*eth0.*\n/)?.[0]
      }${podName}\n`,
    );
    expect(output).toContain(`inet ${ip}/`);
  });

  test("environment, command, arguments, working directory and mounts are as given", async () => {
    await mkdir(join(on.under.folder, "volume"), { recursive: true });
    await writeFile(join(on.under.folder, "volume", "file"), "from the volume\n");
    const mount: Mount = {
      hostPath: join(on.under.folder, "volume"),
      containerPath: "/data",
      readOnly: true,
      propagation: "None",
    };
    const { output } = await outputOf(
      "",
      {
        command: ["sh", "-c", 'pwd; echo "$A|$1"; cat /data/file; touch /data/x 2>&1'],
        args: ["zero", "one"],
        workingDir: "/tmp",
      },
      { env: [{ name: "A", value: "a b=c" }], mounts: [mount] },
    );
    expect(output).toBe("/tmp\na b=c|one\nfrom the volume\ntouch: /data/x: Read-only file system\n");
  });

  test("containers of a pod share network and IPC, and processes only where asked", async () => {
    const pod = podOf(
      { command: ["sh", "-c", "while true; do echo hello | nc -l -p 80; done"] },
      { command: ["sleep", "1000"] },
    );
    await sandboxOf(pod);
    const [server, client] = [await startIn(pod, 0), await startIn(pod, 1)];
    await vi.waitFor(
      async () => expect((await commandOf(client, "nc 127.0.0.1 80 < /dev/null")).output).toBe("hello\n"),
      waiting,
    );
    const ipc = (id: string) => commandOf(id, "readlink /proc/self/ns/ipc");
    expect(await ipc(server)).toEqual(await ipc(client));
    expect((await commandOf(client, "ps")).output).not.toContain("nc -l");

    const sharing = podOf({ command: ["sleep", "1001"] }, { command: ["sleep", "1002"] });
    sharing.spec.shareProcessNamespace = true;
    await sandboxOf(sharing);
    const [, second] = [await startIn(sharing, 0), await startIn(sharing, 1)];
    expect((await commandOf(second, "ps")).output).toMatch(/sleep 1001/);
    // What a shell leaves behind is reaped.
    await commandOf(second, "(sleep 0.05 &) ; exit 0");
    await vi.waitFor(
      async () => expect((await commandOf(second, "ps")).output).not.toMatch(/\[sleep\]|sleep 0.05/),
      waiting,
    );
  });

  test("the security context holds", async () => {
    const { output } = await outputOf(
      "id -u; id -g; id -G; grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status; touch /x 2>&1; touch /tmp/x 2>&1",
      {
        securityContext: {
          runAsUser: 1234,
          runAsGroup: 2345,
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { drop: ["ALL"] },
          seccompProfile: { type: "RuntimeDefault" },
        },
      },
      { supplementalGroups: [3456] },
    );
    expect(output).toBe(
      [
        "1234",
        "2345",
        "2345 3456",
        "CapEff:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
        "touch: /x: Read-only file system",
        "touch: /tmp/x: Read-only file system\n",
      ].join("\n"),
    );
    const capable = await outputOf("grep CapEff /proc/self/status", {
      securityContext: { capabilities: { drop: ["ALL"], add: ["NET_ADMIN"] } },
    });
    expect(capable.output).toBe("CapEff:\t0000000000001000\n");
  });

  test("a pod may have the machine's network, processes and IPC", async () => {
    const spaces = ["net", "pid", "ipc", "uts"];
    const names = spaces.map((space) => `readlink /proc/self/ns/${space}`).join("; ");
    const machine = await Promise.all(spaces.map((space) => readlink(`/proc/self/ns/${space}`)));
    const own = await outputOf(names);
    expect(own.output.split("\n").filter((name) => machine.includes(name))).toEqual([]);
    const pod = podOf({ command: ["sh", "-c", names] });
    Object.assign(pod.spec, { hostNetwork: true, hostPID: true, hostIPC: true });
    expect(await sandboxOf(pod)).toBe("");
    const id = await startIn(pod, 0);
    await ended(id);
    expect((await logged(pod, id)).split("\n").slice(0, 3)).toEqual(machine.slice(0, 3));
  });

  test("a filter of system calls is read from the machine's folder of profiles", async () => {
    const folder = "/var/lib/kubelet/seccomp";
    const profile = `podwright-test-${process.pid}.json`;
    const deny = { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" };
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, profile), JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [deny] }));
    try {
      const filtered = (localhostProfile: string) =>
        outputOf("mkdir /new 2>&1; touch /file && echo made", {
          securityContext: { seccompProfile: { type: "Localhost", localhostProfile } },
        });
      expect((await filtered(profile)).output).toBe(
        "mkdir: can't create directory '/new': Operation not permitted\nmade\n",
      );
      await expect(filtered("not-there.json")).rejects.toThrow(/cannot load seccomp profile/);
      await expect(filtered("../outside.json")).rejects.toThrow(/cannot load seccomp profile/);
    } finally {
      await rm(join(folder, profile));
    }
  });

  test("limits hold and can be changed; one who takes too much memory is killed for it", async () => {
    const limited = (memory: string) => ({ resources: { limits: { memory, cpu: "500m" } } });
    const { id, pod } = await run("sleep 1000", limited("64Mi"));
    const limit = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null";
    const quota = "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d' ' -f1 /sys/fs/cgroup/cpu.max";
    expect((await commandOf(id, limit)).output).toBe(`${64 << 20}\n`);
    expect((await commandOf(id, quota)).output).toBe("50000\n");
    await on.runtime.updateResources(id, {
      ...(pod.spec.containers[0] as Container),
      resources: { limits: { memory: "128Mi", cpu: "250m" } },
    });
    expect((await commandOf(id, limit)).output).toBe(`${128 << 20}\n`);
    expect((await commandOf(id, quota)).output).toBe("25000\n");
    const greedy = await run("exec tail /dev/zero", limited("16Mi"));
    expect(await ended(greedy.id)).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
  });
}
