// The README of examples/working-with-pods, command by command. UPDATE=1 writes the outputs of this run into it.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { kubectlProgram } from "../kubectl.ts";
import { removeFolder, shortFolder } from "../machine/folder.ts";
import { type NodeLane, nodeLaneMissing, openNodeLane } from "../node-lane.ts";
import { gitImage, makeRepository } from "./git.ts";
import { consoleBlocks, masked, missingLine, type Step, withOutputs } from "./transcript.ts";

const folder = fileURLToPath(new URL("../../examples/working-with-pods/", import.meta.url));
const repository = "/tmp/podwright-example-repository";

describe.skipIf(nodeLaneMissing !== undefined)(
  `examples/working-with-pods (${nodeLaneMissing ?? "real containers"})`,
  async () => {
    const readme = await readFile(join(folder, "README.md"), "utf8");
    const blocks = consoleBlocks(readme);
    let lane: NodeLane;
    let own: string;
    let env: NodeJS.ProcessEnv;
    const outputs: string[] = [];
    let beside: { process: ChildProcess; expected: string; output: () => string; index: number } | undefined;

    beforeAll(async () => {
      lane = await openNodeLane();
      await lane.load(await gitImage("docker.io/library/git-sync:demo"));
      await makeRepository(repository);
      own = await shortFolder("pwr-");
      await mkdir(join(own, "bin"));
      await symlink(await kubectlProgram(), join(own, "bin", "kubectl"));
      const path = `${join(own, "bin")}:${process.env["PATH"]}`;
      env = { ...process.env, PATH: path, KUBECONFIG: lane.kubeconfig, STATIC_PODS: lane.staticPods, NODE: lane.node };
    });
    afterAll(async () => {
      beside?.process.kill();
      if (process.env["UPDATE"]) await writeFile(join(folder, "README.md"), withOutputs(readme, outputs));
      await lane?.close();
      await removeFolder(own);
      await rm(repository, { recursive: true, force: true });
    }, 120_000);

    function sh(command: string, input = ""): { process: ChildProcess; output: () => string; ended: Promise<unknown> } {
      const child = spawn("sh", ["-c", command], { cwd: folder, env });
      let output = "";
      const take = (chunk: Buffer) => {
        output += chunk.toString();
      };
      child.stdout.on("data", take);
      child.stderr.on("data", take);
      child.stdin.end(input);
      return { process: child, output: () => output, ended: new Promise((resolve) => child.on("close", resolve)) };
    }

    /** In a terminal, typing after each prompt. */
    async function inTerminal({ command, typed }: Step): Promise<string> {
      const child = spawn("script", ["-qec", command, "/dev/null"], { cwd: folder, env });
      let output = "";
      let next = 0;
      child.stdout.on("data", (chunk: Buffer) => {
        output += chunk.toString();
        const prompts = output.split("/ # ").length - 1;
        while (next < typed.length && next < prompts) child.stdin.write(`${typed[next++]}\n`);
      });
      await new Promise((resolve) => child.on("close", resolve));
      // What the shell asks its terminal is not for a person's eyes.
      const esc = String.fromCharCode(27);
      return output.replaceAll("\r", "").replace(new RegExp(`${esc}\\[[0-9;]*[A-Za-z]`, "g"), "");
    }

    /** The lines of a watch that say something new, until the pod runs. */
    function essential(output: string): string {
      const lines = output.split("\n");
      const end = lines.findIndex((line) => line.includes("Running"));
      return lines
        .slice(0, end + 1)
        .filter((line, at) => at === 0 || masked(line, lane.node)[0] !== masked(lines[at - 1] ?? "", lane.node)[0])
        .join("\n");
    }

    /** What the second terminal was to show has come by now. */
    async function endBeside(): Promise<void> {
      const { process: child, expected, output, index } = beside as NonNullable<typeof beside>;
      beside = undefined;
      const lines = () => masked(output(), lane.node);
      try {
        if (process.env["UPDATE"]) await new Promise((resolve) => setTimeout(resolve, 3_000));
        else await vi.waitFor(() => expect(missingLine(masked(expected, lane.node), lines())).toBe(undefined), 20_000);
      } finally {
        child.kill();
        outputs[index] = essential(output());
      }
    }

    for (const block of blocks) {
      for (const step of block.steps) {
        test(`${step.command}${block.beside ? " (in a second terminal)" : ""}`, async () => {
          if (block.beside) {
            if (beside !== undefined) await endBeside();
            const started = sh(`exec ${step.command}`);
            beside = { process: started.process, expected: step.output, output: started.output, index: outputs.length };
            outputs.push("");
            // A watch says nothing while there is nothing: it gets a moment to begin.
            await new Promise((resolve) => setTimeout(resolve, 1_500));
            return;
          }
          let output: string;
          if (step.typed.length > 0) output = await inTerminal(step);
          else {
            const started = sh(step.command);
            await started.ended;
            output = started.output();
          }
          outputs.push(output);
          if (!process.env["UPDATE"]) expect(masked(output, lane.node)).toEqual(masked(step.output, lane.node));
        }, 60_000);
      }
    }

    test("what the second terminal shows", async () => {
      if (beside !== undefined) await endBeside();
    }, 30_000);
  },
);
