/** What a kubelet does with pods and their volumes, on containerd: the scenarios that run on docker, once more. */
process.env["LANE_RUNTIME"] = "containerd";

await import("./life-cycle.scenario.ts");
await import("./volumes.scenario.ts");

export {};
