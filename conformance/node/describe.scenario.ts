/**
 * What `kubectl describe pod` and `kubectl get events` say of pods, word by word. described.txt is a real kubelet's:
 * UPDATE=1 on the real lane writes it.
 */
import { readFile, writeFile } from "node:fs/promises";
import { configMaps } from "@podwright/client";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { nodeLaneMissing } from "../node-lane.ts";
import { container, type NodeScene, openNodeScene, patience } from "./scene.ts";

const why = nodeLaneMissing === undefined ? "" : ` (${nodeLaneMissing})`;
const recorded = new URL("described.txt", import.meta.url);
const often = { periodSeconds: 1, failureThreshold: 30 };

/** Pods, and the events that each has to have before it is described. */
const described: Record<string, { containers: object[]; spec?: object; events: string[] }> = {
  plain: {
    containers: [
      {
        ports: [{ containerPort: 80, name: "web" }],
        env: [
          { name: "A", value: "1" },
          { name: "B", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        ],
        envFrom: [{ configMapRef: { name: "cfg" } }],
        resources: { requests: { cpu: "10m", memory: "8Mi" }, limits: { cpu: "1", memory: "64Mi" } },
        readinessProbe: { exec: { command: ["true"] }, ...often },
        volumeMounts: [{ name: "cfg", mountPath: "/cfg" }],
      },
    ],
    spec: {
      volumes: [
        { name: "cfg", configMap: { name: "cfg" } },
        { name: "tmp", emptyDir: {} },
      ],
    },
    events: ["Pulled", "Created", "Started"],
  },
  init: {
    containers: [{}],
    spec: {
      initContainers: [
        container({ name: "once", command: ["true"] }),
        container({ name: "side", restartPolicy: "Always" }),
      ],
    },
    events: ["Pulled", "Created", "Started"],
  },
  unready: {
    containers: [{ readinessProbe: { tcpSocket: { port: 81 }, ...often } }],
    events: ["Started", "Unhealthy"],
  },
  crashing: { containers: [{ command: ["sh", "-c", "echo bad > /dev/termination-log; exit 2"] }], events: ["BackOff"] },
  pulling: { containers: [{ image: "127.0.0.1:1/none:1" }], events: ["Pulling", "Failed", "BackOff"] },
  config: { containers: [{ envFrom: [{ secretRef: { name: "none" } }] }], events: ["Failed"] },
  mount: {
    containers: [{ volumeMounts: [{ name: "v", mountPath: "/v" }] }],
    spec: { volumes: [{ name: "v", secret: { secretName: "none" } }] },
    events: ["FailedMount"],
  },
  done: { containers: [{ command: ["true"] }], spec: { restartPolicy: "Never" }, events: ["Started"] },
  evil: { containers: [{ command: ["not-there"] }], spec: { restartPolicy: "Never" }, events: ["Failed"] },
  unused: { containers: [{}], spec: { volumes: [{ name: "v", secret: { secretName: "none" } }] }, events: ["Started"] },
};

/** What is waited for beside the events: these do not stay as they are at first. */
const settled: Record<string, RegExp> = {
  plain: /Ready +True/,
  init: /ContainersReady +True/,
  crashing: /Reason: +CrashLoopBackOff/,
  pulling: /Reason: +ImagePullBackOff/,
  done: /Status: +Succeeded/,
  evil: /Status: +Failed/,
  unused: /ContainersReady +True/,
};

describe.skipIf(nodeLaneMissing !== undefined)(`Descriptions${why}`, { timeout: 90_000 }, () => {
  let scene: NodeScene;
  let texts: Record<string, string>;
  beforeAll(async () => {
    texts = JSON.parse(await readFile(recorded, "utf8").catch(() => "{}"));
    scene = await openNodeScene("described");
    await scene.lane.client.resource(configMaps).create({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "cfg", namespace: scene.namespace },
      data: { K: "v" },
    });
    for (const [name, { containers, spec }] of Object.entries(described)) await scene.make(name, containers, spec);
  });
  afterAll(async () => {
    if (process.env["UPDATE"] && scene?.lane.name === "real") {
      await writeFile(recorded, `${JSON.stringify(texts, null, 2)}\n`);
    }
    await scene?.lane.close();
  });

  test.each(Object.keys(described))("%s", async (name) => {
    for (const reason of described[name]?.events ?? []) await scene.tells(name, new RegExp(`^\\w+ ${reason} `));
    await vi.waitFor(
      async () => {
        const { stdout } = await scene.kubectl(["describe", "pod", name]);
        expect(stdout).toMatch(settled[name] ?? "");
        const said = masked(stdout);
        if (process.env["UPDATE"] && scene.lane.name === "real") texts[name] = said;
        expect(said).toBe(texts[name]);
      },
      { ...patience, timeout: 40_000 },
    );
  });
});

/** Without what differs from one run to the next, and without how often and in which order things happened. */
function masked(text: string): string {
  const [head = "", events = ""] = text.split(/^Events:\n/m);
  const told = events
    .split("\n")
    .filter((line) => !/^ +(Type|----) /.test(line) && line.trim() !== "")
    .map((line) => {
      const [type, reason, , from, ...message] = line.trim().split(/ {2,}/);
      return [type, reason, from, ...message].map((word) => maskedWords(word ?? "")).join(" | ");
    });
  return [...maskedWords(head).split("\n"), "Events:", ...[...new Set(told)].sort()].join("\n");
}

function maskedWords(text: string): string {
  return (
    text
      .replace(/described-\w+/g, "<namespace>")
      .replace(/(Node: +)\S+/g, "$1<node>")
      .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "<uid>")
      .replace(/\w+:\/\/[0-9a-f]{64}/g, "<container>")
      .replace(/(Image ID: +)\S+/g, "$1<image>")
      .replace(/\w{3}, \d\d \w{3} \d{4} [\d:]+ [+-]\d{4}/g, "<time>")
      .replace(/\b10\.\d+\.\d+\.\d+/g, "<ip>")
      .replace(/\d+(\.\d+)?m?s\b/g, "<duration>")
      .replace(/(Restart Count: +)\d+/g, "$1<count>")
      // What went wrong with a pull is said in the runtime's own words.
      .replace(/(ErrImagePull: |Failed to pull image "\S+": ).*/g, "$1<problem>")
      .replace(/ +$/gm, "")
  );
}
