/** Probes of all kinds, and what is done upon their answers. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nodeLaneMissing } from "../node-lane.ts";
import { first, type NodeScene, openNodeScene, ready } from "./scene.ts";

const why = nodeLaneMissing === undefined ? "" : ` (${nodeLaneMissing})`;
const often = { periodSeconds: 1, timeoutSeconds: 1 };
const serves = (script: string) => ({
  command: ["sh", "-c", `mkdir -p /w/cgi-bin; ${script}; exec httpd -f -p 8080 -h /w`],
  ports: [{ name: "web", containerPort: 8080 }],
});
const cgi = (name: string, script: string) =>
  `printf '#!/bin/sh\\n${script}' > /w/cgi-bin/${name}; chmod +x /w/cgi-bin/${name}`;

describe.skipIf(nodeLaneMissing !== undefined)(`Probes${why}`, { timeout: 90_000, concurrent: true }, () => {
  let scene: NodeScene;
  beforeAll(async () => {
    scene = await openNodeScene("probes");
  });
  afterAll(() => scene?.lane.close());
  const inPod = (name: string, script: string) => scene.inPod(name, script);

  test("http: by the port's name, with headers; ready again and not", async () => {
    const answer = cgi(
      "head",
      '[ "$HTTP_X_ASKED" = yes ] && [ ! -e /tmp/no ] && echo "Status: 200 OK" || echo "Status: 503 No"\\necho\\necho body',
    );
    const httpGet = { path: "/cgi-bin/head", port: "web", httpHeaders: [{ name: "X-Asked", value: "yes" }] };
    const readinessProbe = { httpGet, ...often, failureThreshold: 1 };
    await scene.make("http", [{ ...serves(answer), readinessProbe }]);
    await scene.isReady("http");
    await inPod("http", "touch /tmp/no");
    const { status } = await scene.reaches("http", (pod) => !ready(pod));
    expect(status.conditions).toContainEqual(
      expect.objectContaining({
        type: "Ready",
        status: "False",
        reason: "ContainersNotReady",
        message: "containers with unready status: [c]",
      }),
    );
    await scene.tells("http", "Warning Unhealthy Readiness probe failed: HTTP probe failed with statuscode: 503");
    await inPod("http", "rm /tmp/no");
    const pod = await scene.isReady("http");
    expect(first(pod).restartCount).toBe(0);
  });

  test("tcp: refused, then taken", async () => {
    const tcpSocket = { port: 9000 };
    const script = "while [ ! -e /tmp/go ]; do sleep 0.1; done; exec nc -ll -p 9000 -e true";
    await scene.make("tcp", [{ command: ["sh", "-c", script], readinessProbe: { tcpSocket, ...often } }]);
    await scene.tells(
      "tcp",
      /^Warning Unhealthy Readiness probe failed: dial tcp 10\.\S+:9000: connect: connection refused$/,
    );
    await inPod("tcp", "touch /tmp/go");
    await scene.isReady("tcp");
  });

  test("exec: what it prints is told", async () => {
    const exec = { command: ["sh", "-c", "echo out; echo err >&2; test -e /tmp/ok"] };
    await scene.make("exec", [{ readinessProbe: { exec, ...often } }]);
    await scene.tells("exec", /^Warning Unhealthy Readiness probe failed: out\nerr\n$/);
    await inPod("exec", "touch /tmp/ok");
    await scene.isReady("exec");
  });

  test("exec: a command that hangs is a failure after its time, and is ended", async () => {
    const exec = { command: ["sleep", "1234"] };
    await scene.make("hangs", [{ readinessProbe: { exec, ...often } }]);
    await scene.tells(
      "hangs",
      /^Warning Unhealthy Readiness probe failed: command timed out: "sleep 1234" timed out after 1s$/,
    );
    await inPod("hangs", "true");
    const left = (await inPod("hangs", "ps")).split("\n").filter((line) => line.includes("sleep 1234"));
    expect(left.length).toBeLessThanOrEqual(1);
  });

  test("grpc: a port that does not speak it", async () => {
    const grpc = { port: 8080, service: "s" };
    await scene.make("grpc", [{ ...serves("true"), readinessProbe: { grpc, ...often } }]);
    await scene.tells("grpc", /^Warning Unhealthy Readiness probe failed: /);
    await scene.make("no-grpc", [{ readinessProbe: { grpc, ...often } }]);
    await scene.tells(
      "no-grpc",
      /^Warning Unhealthy Readiness probe failed: timeout: failed to connect service "10\.\S+:8080" within 1s: /,
    );
  });

  test("startup: others wait for it; when it gives up the container is restarted", async () => {
    const exec = { command: ["test", "-e", "/tmp/up"] };
    const fails = { exec: { command: ["false"] }, ...often, failureThreshold: 1 };
    await scene.make("startup", [{ startupProbe: { exec, ...often, failureThreshold: 3 }, livenessProbe: fails }]);
    const pod = await scene.reaches("startup", (each) => first(each)?.restartCount === 1);
    expect(first(pod).lastState.terminated).toBeDefined();
    await scene.tells("startup", /^Warning Unhealthy Startup probe failed: $/);
    await scene.tells("startup", "Normal Killing Container c failed startup probe, will be restarted");
    const told = await scene.told("startup");
    expect(told).not.toContainEqual(expect.stringContaining("Liveness"));
  });

  test("liveness: its own grace; the count of restarts goes up", async () => {
    const command = ["sh", "-c", "trap '' TERM; touch /tmp/x; while :; do sleep 0.2; done"];
    const exec = { command: ["test", "-e", "/tmp/x"] };
    const livenessProbe = { exec, ...often, failureThreshold: 2, terminationGracePeriodSeconds: 1 };
    await scene.make("live", [{ command, livenessProbe }], { terminationGracePeriodSeconds: 60 });
    await scene.isReady("live");
    await inPod("live", "rm /tmp/x");
    const pod = await scene.reaches("live", (each) => first(each)?.restartCount === 1);
    expect(first(pod).lastState.terminated).toMatchObject({ exitCode: 137 });
  });
});
