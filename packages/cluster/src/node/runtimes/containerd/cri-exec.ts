import { type GrpcConnection, grpcCodes, isGrpcCode } from "@podwright/containerd";
import { cri } from "@podwright/containerd/cri";
import { connectExec, type ExecSession, type ExecSessionOptions } from "@podwright/streaming";
import type { ExecResult } from "../../runtime.ts";
import { detailsOf } from "./cri-images.ts";

const keptOutputBytes = 10 * 1024;

/** Runs a command in a container, with streams. */
export async function criExec(
  connection: GrpcConnection,
  id: string,
  command: readonly string[],
  options: ExecSessionOptions,
): Promise<ExecSession> {
  const { url } = await connection.unary(cri.exec, { id, command: [...command], ...options });
  return connectExec(url, options);
}

/** Runs a command to its end or to the limit, which ends it. */
export async function criExecSync(
  connection: GrpcConnection,
  id: string,
  command: readonly string[],
  timeoutMs: number,
): Promise<ExecResult> {
  // In whole seconds; the call's own time is exact, and ends the command too.
  const request = { id, command: [...command], timeout: Math.ceil(timeoutMs / 1000) };
  try {
    const { stdout, stderr, exitCode } = await connection.unary(cri.execSync, request, { timeoutMs });
    const output = Buffer.concat([stdout, stderr]).subarray(0, keptOutputBytes).toString();
    return { exitCode, output, timedOut: false };
  } catch (error) {
    if (!isGrpcCode(error, grpcCodes.deadlineExceeded)) throw new Error(detailsOf(error), { cause: error });
    return { exitCode: -1, output: "", timedOut: true };
  }
}

/** The streams of a main process. */
export async function criAttach(
  connection: GrpcConnection,
  id: string,
  options: ExecSessionOptions,
): Promise<ExecSession> {
  // Whether there is a terminal is the container's matter.
  const { info } = await connection.unary(cri.containerStatus, { id, verbose: true });
  const { config } = JSON.parse(info["info"] ?? "{}") as { config?: { tty?: boolean } };
  const tty = config?.tty === true;
  const wanted = { ...options, tty, stderr: options.stderr && !tty };
  const { url } = await connection.unary(cri.attach, { id, ...wanted });
  return connectExec(url, wanted);
}
