import { existsSync } from "node:fs";
import type { ImageEngine } from "./engine.ts";

/** Where images are looked for. "none": only what image agents report. */
export const imageChoices = ["auto", "docker", "containerd", "registry", "none"] as const;
export type ImageChoice = (typeof imageChoices)[number];

export interface FindEngineOptions {
  choice: "auto" | "docker" | "containerd";
  /** Instead of the usual places. */
  socket?: string;
  env?: Readonly<Record<string, string | undefined>>;
  /** The namespace of containerd that nodes run images of; see the containerd engine. */
  nodeNamespace?: string;
}

const containerdSockets = ["/run/containerd/containerd.sock", "/run/k3s/containerd/containerd.sock"] as const;
const answerMs = 2_000;

/** Where containerd listens: CONTAINERD_ADDRESS, as ctr and nerdctl read it, or the usual place. */
export function containerdSocket(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return (env["CONTAINERD_ADDRESS"] || containerdSockets[0]).replace(/^unix:\/\//, "");
}

/**
 * The engine that was chosen; with "auto" docker where it answers, else containerd where that answers, else none.
 * Their code is loaded when it is needed.
 */
export async function findEngine(options: FindEngineOptions): Promise<ImageEngine | undefined> {
  const { choice, env = process.env } = options;
  if (choice !== "containerd") {
    const docker = await dockerIfThere(options, env);
    if (docker !== undefined) return docker;
  }
  if (choice === "docker") return undefined;
  const named = options.socket ?? (env["CONTAINERD_ADDRESS"] && containerdSocket(env));
  const sockets = named ? [named] : containerdSockets;
  const socket = sockets.find((path) => existsSync(path)) ?? sockets[0];
  if (socket === undefined || (choice === "auto" && !existsSync(socket))) return undefined;
  const { containerdAnswers, containerdEngine } = await import("./containerd.ts");
  if (choice === "auto" && !(await containerdAnswers(socket, answerMs))) return undefined;
  const { nodeNamespace } = options;
  return containerdEngine({ socket, ...(nodeNamespace === undefined ? {} : { nodeNamespace }) });
}

async function dockerIfThere(
  { choice, socket }: FindEngineOptions,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ImageEngine | undefined> {
  const { dockerAddress } = await import("@podwright/docker/address");
  const address = socket === undefined ? dockerAddress(env) : { socketPath: socket };
  if (choice === "auto" && "socketPath" in address && !existsSync(address.socketPath)) return undefined;
  const { answers, DockerClient } = await import("@podwright/docker");
  const docker = new DockerClient(address);
  if (choice === "auto" && !(await answers(docker))) {
    docker.close();
    return undefined;
  }
  const { dockerEngine } = await import("./docker.ts");
  return dockerEngine(docker);
}
