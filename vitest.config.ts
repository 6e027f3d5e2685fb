import { configDefaults, defineConfig } from "vitest/config";

// *.test.ts stand beside the code, *.scenario.ts run on both lanes, *.real.test.ts on the real one only.
export default defineConfig({
  test: {
    include: ["{packages,conformance,scripts}/**/*.test.ts", "conformance/**/*.scenario.ts"],
    exclude: [...configDefaults.exclude, "**/*.real.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
