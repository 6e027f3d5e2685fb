import type { Duplex } from "node:stream";
import type { DockerClient } from "./docker-client.ts";

export interface ExecSpec {
  Cmd: readonly string[];
  AttachStdin?: boolean;
  AttachStdout?: boolean;
  AttachStderr?: boolean;
  Tty?: boolean;
  Env?: readonly string[];
  User?: string;
  WorkingDir?: string;
  Privileged?: boolean;
}

export interface ExecInspection {
  ID: string;
  Running: boolean;
  /** Null while it runs. */
  ExitCode: number | null;
  Pid: number;
}

/** Makes an exec of a container, not yet started; gives its id. */
export async function createExec(docker: DockerClient, container: string, spec: ExecSpec): Promise<string> {
  const path = `/containers/${encodeURIComponent(container)}/exec`;
  return (await docker.json<{ Id: string }>("POST", path, { body: spec })).Id;
}

/** Starts it and gives its streams: frames (see {@link splitFrames}), with a terminal as they are. */
export async function startExec(docker: DockerClient, id: string, tty: boolean): Promise<Duplex> {
  return docker.hijack(`/exec/${id}/start`, { body: { Detach: false, Tty: tty } });
}

export async function inspectExec(docker: DockerClient, id: string): Promise<ExecInspection> {
  return docker.json("GET", `/exec/${id}/json`);
}

export async function resizeExec(
  docker: DockerClient,
  id: string,
  size: { width: number; height: number },
): Promise<void> {
  await docker.json("POST", `/exec/${id}/resize`, { query: { w: size.width, h: size.height } });
}
