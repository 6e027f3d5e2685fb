import { execFile } from "node:child_process";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, vi } from "vitest";
import type { RunKubectl } from "../kubectl.ts";

// A node without a registry tries in vain for a while before it looks again.
const wait = { timeout: 180_000, interval: 200 };

/** A folder with a Dockerfile whose images say which version they are. */
export interface Source {
  /** `build -t TAG .` there, with a version of the source. */
  build(tag: string, version: string): Promise<void>;
}

/** Builds with docker or what else has its command line: takes arguments and the folder to be in. */
export type RunBuild = (args: string[], cwd: string) => Promise<unknown>;

/** @param socket docker's */
export function dockerBuild(socket: string): RunBuild {
  const env = { ...process.env, DOCKER_HOST: `unix://${socket}`, DOCKER_BUILDKIT: "0" };
  return (args, cwd) => promisify(execFile)("docker", args, { cwd, env });
}

export async function openSource(folder: string, run: RunBuild): Promise<Source> {
  const source = join(folder, "source");
  await mkdir(source);
  await copyFile("/bin/busybox", join(source, "busybox"));
  await writeFile(
    join(source, "Dockerfile"),
    [
      "FROM scratch",
      "COPY busybox /bin/busybox",
      "COPY version /version",
      "ENV PATH=/bin",
      `CMD ["/bin/busybox", "sh", "-c", "trap 'exit 0' TERM; while :; do busybox sleep 1 & wait $!; done"]`,
      "",
    ].join("\n"),
  );
  return {
    async build(tag, version) {
      await writeFile(join(source, "version"), version);
      await run(["build", "-t", tag, "."], source);
    },
  };
}

/** One of each kind of workload that runs an image; the CronJob never by itself. */
export function workloadsOf(image: string): string {
  const template = (name: string) => `
    metadata: {labels: {app: ${name}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: main, image: "${image}"}]`;
  const spec = (name: string) => `
  selector: {matchLabels: {app: ${name}}}
  template:${template(name)}`;
  return `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {podwright.dev/fresh-deadline: 10m}}
spec:${spec("web")}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, annotations: {podwright.dev/fresh-deadline: 10m}}
spec:
  serviceName: db${spec("db")}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: log, annotations: {podwright.dev/fresh-deadline: 10m}}
spec:${spec("log")}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, annotations: {podwright.dev/fresh-deadline: 10m}}
spec:
  schedule: "0 0 1 1 *"
  jobTemplate:
    spec:
      template:
        metadata: {labels: {app: nightly}}
        spec:
          restartPolicy: Never
          containers: [{name: main, image: "${image}", command: [busybox, cat, /version]}]
`;
}

/** Waits until the only pods of web, db and log run a version, read from inside them. */
export async function podsRun(kubectl: RunKubectl, version: string): Promise<void> {
  for (const app of ["web", "db", "log"]) {
    await vi.waitFor(async () => {
      const { stdout } = await kubectl(["get", "pods", "-l", `app=${app}`, "-o", "jsonpath={.items[*].metadata.name}"]);
      const pods = stdout.split(" ").filter((name) => name !== "");
      const said = await Promise.all(pods.map((pod) => kubectl(["exec", pod, "--", "busybox", "cat", "/version"])));
      expect(
        said.map((each) => each.stdout || each.stderr),
        app,
      ).toEqual([version]);
    }, wait);
  }
}
