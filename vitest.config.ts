import { configDefaults, defineConfig } from "vitest/config";

// *.test.ts stand beside the code, *.scenario.ts run on both lanes, *.real.test.ts on the real one only.
export default defineConfig({
  test: {
    include: ["{packages,conformance,scripts}/**/*.test.ts", "conformance/**/*.scenario.ts"],
    exclude: [...configDefaults.exclude, "**/*.real.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Real daemons on a machine that others share: one slow start is no failure. Reports name what was tried again.
    retry: process.env["CI"] === "true" ? 2 : 0,
    maxWorkers: 2,
  },
});
