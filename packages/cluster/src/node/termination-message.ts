/** What a container left to be said of its end (k8s.io/kubernetes/pkg/kubelet/kuberuntime/kuberuntime_container.go). */
import { open } from "node:fs/promises";
import { messageOf } from "@podwright/kube";
import type { Container, Pod } from "../kinds.ts";
import type { ContainerExit, ContainerRuntime, LoggedRun } from "./runtime.ts";

const fileLimit = 4096;
const log = { lines: 80, bytes: 2048 };

/**
 * The runtime's message and the container's: its termination message file, or where it asks for it and there is none
 * after a failure the end of its log. Undefined when there is nothing to say.
 *
 * @param path of the file on this machine; undefined when it has none.
 */
export async function terminationMessage(
  runtime: ContainerRuntime,
  pod: Pod,
  container: Container,
  run: LoggedRun,
  exit: ContainerExit,
  path: string | undefined,
): Promise<string | undefined> {
  const { terminationMessagePath = "/dev/termination-log" } = container;
  const file = path === undefined || terminationMessagePath === "" ? "" : await endOf(path);
  const asksLog = container.terminationMessagePolicy === "FallbackToLogsOnError" && exit.exitCode !== 0;
  const own = file === "" && asksLog ? await endOfLog(runtime, pod, container, run) : file;
  const parts = [exit.message ?? "", own].filter((text) => text !== "");
  return parts.length === 0 ? undefined : parts.join(": ");
}

async function endOf(path: string): Promise<string> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    const length = Math.min(size, fileLimit);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.subarray(0, bytesRead).toString("utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    return `Error on reading termination log ${path}: ${(error as Error).message}`;
  }
}

async function endOfLog(runtime: ContainerRuntime, pod: Pod, container: Container, run: LoggedRun): Promise<string> {
  const { signal } = new AbortController();
  const options = { follow: false, tailLines: log.lines, sinceMs: undefined, stream: undefined, signal };
  let text = Buffer.alloc(0);
  try {
    for await (const line of runtime.log(pod, container, run, options)) {
      text = Buffer.concat([text, Buffer.from(line.text as string)]);
      if (text.length > log.bytes) text = text.subarray(text.length - log.bytes);
    }
    return text.toString("utf8");
  } catch (error) {
    return `Error on reading termination message from logs: ${messageOf(error)}`;
  }
}
