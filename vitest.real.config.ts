import { defineConfig } from "vitest/config";

// One file after the other: they share the cluster's NanoPod webhook and nodes.
export default defineConfig({
  test: {
    include: ["conformance/**/*.{scenario,foreign}.ts", "{packages,conformance}/**/*.real.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Real daemons on a machine that others share: one slow start is no failure. Reports name what was tried again.
    retry: process.env["CI"] === "true" ? 2 : 0,
    fileParallelism: false,
    // What runs side by side in a file waits for the API server most of its time.
    maxConcurrency: 12,
  },
});
