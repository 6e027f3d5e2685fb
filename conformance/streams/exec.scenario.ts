import { pods } from "@podwright/client";
import { until } from "@podwright/cluster/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kubectlRunner } from "../kubectl.ts";
import { type Lane, openLane } from "../lane.ts";

// On the real lane kube-apiserver asks the simulated nodes' own kubelet server, on this one they are asked directly.
let lane: Lane;
let namespace: string;
beforeAll(async () => {
  lane = await openLane({ operator: false });
  namespace = await lane.namespace("streams");
  await lane.client.resource(pods).create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "shell", namespace },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        { name: "main", image: "busybox:1", command: ["sh", "-c", "echo hello; sleep infinity"] },
        { name: "once", image: "busybox:1", command: ["true"] },
      ],
      restartPolicy: "Never",
    },
  });
  await until(
    lane.client,
    pods,
    "shell",
    ({ status }) => {
      const states: { name: string; state?: { running?: object; terminated?: object } }[] =
        status?.containerStatuses ?? [];
      return (
        states.some(({ name, state }) => name === "main" && state?.running !== undefined) &&
        states.some(({ name, state }) => name === "once" && state?.terminated !== undefined)
      );
    },
    namespace,
  );
});
afterAll(() => lane?.close());

const inMain = (script: string) => ["exec", "shell", "-c", "main", "--", "sh", "-c", script];

describe.each([
  ["WebSocket", "true"],
  ["SPDY", "false"],
])("kubectl by %s", (_wire, webSockets) => {
  const kubectl = async (args: string[], input?: string) => {
    const run = await kubectlRunner(lane.kubeconfig, { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: webSockets });
    return run(["-n", namespace, ...args], input);
  };

  test("exec gives both outputs and the exit code", async () => {
    const { code, stdout, stderr } = await kubectl(inMain("echo out; echo err >&2; exit 3"));
    expect({ code, stdout }).toEqual({ code: 3, stdout: "out\n" });
    expect(stderr).toBe("err\ncommand terminated with exit code 3\n");
    expect(await kubectl(["exec", "shell", "-c", "main", "--", "true"])).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  test("exec carries input", async () => {
    const { code, stdout } = await kubectl(
      ["exec", "-i", "shell", "-c", "main", "--", "sh"],
      "echo from input; exit 4\n",
    );
    expect({ code, stdout }).toEqual({ code: 4, stdout: "from input\n" });
  });

  test("a container that has ended says so", async () => {
    const { code, stderr } = await kubectl(["exec", "shell", "-c", "once", "--", "true"]);
    expect(code).toBe(1);
    expect(stderr).toContain('unable to upgrade connection: container not found ("once")');
  });

  test("a container that is not in the pod, and a pod that is not there", async () => {
    expect((await kubectl(["exec", "shell", "-c", "nobody", "--", "true"])).stderr).toContain(
      "container nobody is not valid for pod shell",
    );
    expect((await kubectl(["exec", "nobody", "--", "true"])).stderr).toContain('pods "nobody" not found');
  });
});

test("twenty commands at once", async () => {
  const codes = await Promise.all(
    Array.from({ length: 20 }, async (_unused, index) => {
      const { code } = await lane.kubectl(["-n", namespace, ...inMain(`exit ${index}`)]);
      return code;
    }),
  );
  expect(codes).toEqual(Array.from({ length: 20 }, (_unused, index) => index));
});
