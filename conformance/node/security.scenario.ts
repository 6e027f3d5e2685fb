/** What a container may do, and whose names and processes it sees. */
import { hostname } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nodeLaneMissing } from "../node-lane.ts";
import { first, hasPhase, type NodeScene, openNodeScene } from "./scene.ts";

const why = nodeLaneMissing === undefined ? "" : ` (${nodeLaneMissing})`;

describe.skipIf(nodeLaneMissing !== undefined)(
  `Security and names${why}`,
  { timeout: 90_000, concurrent: true },
  () => {
    let scene: NodeScene;
    beforeAll(async () => {
      scene = await openNodeScene("security");
    });
    afterAll(() => scene?.lane.close());

    /** What a script prints in a pod of its own. */
    async function prints(name: string, script: string, spec: object = {}, more: object = {}): Promise<string> {
      await scene.make(name, [{ command: ["sh", "-c", `${script} 2>&1`], ...more }], {
        restartPolicy: "Never",
        ...spec,
      });
      await scene.reaches(name, hasPhase("Succeeded"));
      return (await scene.kubectl(["logs", name])).stdout;
    }
    const status = (field: string) => `grep ^${field}: /proc/self/status | tr -d '\\t ' | cut -d: -f2`;

    test("user and groups: the pod's, and the container's before it", async () => {
      const securityContext = { runAsUser: 1000, runAsGroup: 2000, supplementalGroups: [4000], fsGroup: 3000 };
      const volumes = [{ name: "v", emptyDir: {} }];
      const volumeMounts = [{ name: "v", mountPath: "/v" }];
      const script = "id -u; id -g; id -G; touch /v/f; stat -c %g /v/f";
      expect(await prints("user", script, { securityContext, volumes }, { volumeMounts })).toBe(
        "1000\n2000\n2000 3000 4000\n3000\n",
      );
      const own = { securityContext: { runAsUser: 7 } };
      expect(await prints("own-user", "id -u; id -g", { securityContext }, own)).toBe("7\n2000\n");
    });

    test("rights: dropped and added; none more by a program's own", async () => {
      const drop = { capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] } };
      expect(await prints("dropped", status("CapEff"), {}, { securityContext: drop })).toBe("0000000000000400\n");
      const add = { capabilities: { add: ["NET_ADMIN"], drop: ["MKNOD"] } };
      const [rights = ""] = (await prints("added", status("CapEff"), {}, { securityContext: add })).split("\n");
      expect(BigInt(`0x${rights}`) & 0x8001000n).toBe(0x1000n);
      const securityContext = { allowPrivilegeEscalation: false };
      expect(await prints("no-new", status("NoNewPrivs"), {}, { securityContext })).toBe("1\n");
      expect(await prints("may-new", status("NoNewPrivs"))).toBe("0\n");
    });

    test("a root that cannot be written, but for its volumes", async () => {
      const securityContext = { readOnlyRootFilesystem: true };
      const volumes = [{ name: "v", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } }];
      const volumeMounts = [{ name: "v", mountPath: "/v" }];
      const script = "touch /v/x && echo may; touch /x || echo 'may not'";
      const printed = await prints("read-only", script, { volumes }, { securityContext, volumeMounts });
      expect(printed.split("\n").sort()).toEqual(["", "may", "may not", "touch: /x: Read-only file system"]);
    });

    test("system calls are filtered where it is asked for", async () => {
      const seccompProfile = { type: "RuntimeDefault" };
      expect(await prints("filtered", status("Seccomp"), { securityContext: { seccompProfile } })).toBe("2\n");
      const unconfined = { seccompProfile: { type: "Unconfined" } };
      expect(await prints("unfiltered", status("Seccomp"), { securityContext: unconfined })).toBe("0\n");
      expect(await prints("unsaid", status("Seccomp"))).toBe("0\n");
    });

    test("what the kernel shows is masked", async () => {
      const script =
        "[ $(cat /proc/keys | wc -c) = 0 ] && echo none; touch /proc/sys/kernel/hostname || echo 'may not'";
      const printed = await prints("masked", script);
      expect(printed).toContain("none\n");
      expect(printed).toContain("may not\n");
    });

    test("sysctls of the pod, safe ones only", async () => {
      const sysctls = [{ name: "net.ipv4.ip_unprivileged_port_start", value: "81" }];
      const read = "cat /proc/sys/net/ipv4/ip_unprivileged_port_start";
      expect(await prints("sysctl", read, { securityContext: { sysctls } })).toBe("81\n");
      const unsafe = { sysctls: [{ name: "kernel.msgmax", value: "65536" }] };
      await scene.make("unsafe", [{}], { securityContext: unsafe });
      const { status: refused } = await scene.reaches("unsafe", hasPhase("Failed"));
      expect(refused).toMatchObject({
        reason: "SysctlForbidden",
        message: 'Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted',
      });
    });

    test("the host's name, the pod's own, and what a pod may choose", async () => {
      expect(await prints("name", "hostname")).toBe("name\n");
      expect(await prints("named", "hostname; hostname -f", { hostname: "h", subdomain: "s" })).toBe(
        `h\nh.s.${scene.namespace}.svc.cluster.local\n`,
      );
    });

    test("the host's network and its name, when a pod asks for them", async () => {
      await scene.make("on-host", [{}], { hostNetwork: true });
      const pod = await scene.isReady("on-host");
      expect(pod["status"].podIP).toBe(pod["status"].hostIP);
      expect(await scene.inPod("on-host", "hostname; ls /sys/class/net | grep -c ^lo$")).toBe(`${hostname()}\n1\n`);
      expect(await scene.inPod("on-host", "cat /proc/net/dev | wc -l")).not.toBe("4\n");
    });

    test("processes: a container's own, the pod's together, or the host's", async () => {
      const sees = "ps | grep -q '[s]leep 0.31' && echo yes || echo no";
      const both = [{}, { name: "other", command: ["sh", "-c", "while :; do sleep 0.31; done"] }];
      await scene.make("apart", both);
      await scene.make("together", both, { shareProcessNamespace: true });
      await scene.make("hosts", [{}], { hostPID: true });
      await Promise.all(["apart", "together", "hosts"].map(scene.isReady));
      expect(await scene.inPod("apart", sees)).toBe("no\n");
      expect(await scene.inPod("together", sees)).toBe("yes\n");
      expect(await scene.inPod("hosts", "cat /proc/1/comm")).not.toBe("sh\n");
    });

    test("memory between containers of a pod, and not with others'", async () => {
      const key = "readlink /proc/self/ns/ipc";
      await scene.make("ipc", [{}, { name: "other" }]);
      await scene.make("ipc-other", [{}]);
      await Promise.all(["ipc", "ipc-other"].map(scene.isReady));
      const own = await scene.inPod("ipc", key);
      expect(await scene.inPod("ipc", key, "other")).toBe(own);
      expect(await scene.inPod("ipc-other", key)).not.toBe(own);
    });

    test("resources are limits of the kernel's", async () => {
      const resources = { requests: { cpu: "100m" }, limits: { cpu: "200m", memory: "24Mi" } };
      await scene.make("limits", [{ resources }]);
      const pod = await scene.isReady("limits");
      expect(pod["status"].qosClass).toBe("Burstable");
      expect(first(pod).resources).toMatchObject({ limits: { cpu: "200m", memory: "24Mi" } });
      const files = "cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us cpu/cpu.shares memory/memory.limit_in_bytes";
      const v1 = `cd /sys/fs/cgroup; [ -e cpu/cpu.shares ] && cat ${files}`;
      const printed = await scene.inPod("limits", `${v1} || { cat cpu.max; echo 102; cat memory.max; }`);
      expect(printed.trim().split(/\s+/)).toEqual(["20000", "100000", "102", `${24 * 2 ** 20}`]);
    });
  },
);
