import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { tenants } from "@podwright/client";
import type { JsonObject } from "@podwright/kube";
import { defaultConfig, type PodService, type ServiceConfig, startPodService } from "@podwright/pod-service";

import type { Lane } from "../lane.ts";

export const key = "sesame-open";
export const waiting = { timeout: 25_000, interval: 50 };

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into any answer.
  body: any;
}

export interface Asking {
  body?: unknown;
  headers?: Record<string, string>;
  /** Instead of the shared key; "" for none. */
  token?: string;
}

export type Call = (method: string, path: string, asking?: Asking) => Promise<Answer>;

/** Sends requests to a service. */
export function caller(url: string): Call {
  return async (method, path, asking = {}) => {
    const { body, token } = asking;
    const credentials: Record<string, string> =
      token === undefined ? { moopkey: key } : token === "" ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(new URL(path, url), {
      method,
      headers: {
        ...credentials,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...asking.headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  };
}

export interface TestService {
  service: PodService;
  call: Call;
  log: string[];
}

/** Starts a service of its own on the lane's cluster; resolves when it is ready. */
export async function startService(
  lane: Lane,
  options: Partial<ServiceConfig> & { instance: string; answerWithinMs?: number },
): Promise<TestService> {
  const { answerWithinMs, ...config } = options;
  const log: string[] = [];
  const service = await startPodService({
    client: lane.client,
    config: { ...defaultConfig, port: 0, moopkey: key, logLevel: "debug", ...config },
    logTo: { write: (line) => log.push(line) },
    ...(answerWithinMs === undefined ? {} : { answerWithinMs }),
  });
  await until(async () => (await fetch(`${service.url}/readyz`)).status === 200);
  return { service, call: caller(service.url), log };
}

/** Makes a Tenant whose pods go to that namespace; resolves when it is ready. */
export async function makeTenant(lane: Pick<Lane, "client">, name: string, spec: JsonObject): Promise<void> {
  const resource = lane.client.resource(tenants);
  await resource.create({ apiVersion: "podwright.dev/v1alpha1", kind: "Tenant", metadata: { name }, spec });
  await until(async () => {
    const { status } = (await resource.get(name)) as { status?: { conditions?: { type: string; status: string }[] } };
    return status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") === true;
  });
}

/** A pod that runs a command, as upstream's templates are. */
export function shellPod(extra: JsonObject = {}): JsonObject {
  return {
    apiVersion: "v1",
    kind: "pod",
    metadata: { name: "pod-{}-{}" },
    spec: {
      restartPolicy: "Never",
      containers: [{ name: "main", image: "busybox:1.28.4", args: ["/bin/sh", "-c", "{}"] }],
      ...extra,
    },
  };
}

/** The text's template of a Job. */
export const copyJob: JsonObject = {
  apiVersion: "batch/v1",
  kind: "job",
  metadata: { name: "job-{}-{}" },
  spec: {
    template: {
      spec: {
        containers: [
          {
            name: "copy",
            image: "busybox:1.28.4",
            imagePullPolicy: "IfNotPresent",
            args: ["/bin/sh", "-c", "{}"],
            volumeMounts: [],
          },
        ],
        restartPolicy: "Never",
        volumes: [],
      },
    },
  },
};

/** A tenant service in a process of its own. */
export interface TenantService {
  url: string;
  /** Tells it how to behave from now on; gives how often it was asked since the last time. */
  behave(behaviour: object): Promise<number>;
  stop(): Promise<void>;
}

export async function startTenantService(): Promise<TenantService> {
  const path = fileURLToPath(new URL("tenant-service.ts", import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [path, key], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value as string) as { url: string; asked: number };
  const { url } = await next();
  return {
    url,
    async behave(behaviour) {
      child.stdin?.write(`${JSON.stringify(behaviour)}\n`);
      return (await next()).asked;
    },
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + waiting.timeout;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`it did not come to that within ${waiting.timeout / 1000} s`);
    await sleep(waiting.interval);
  }
}
