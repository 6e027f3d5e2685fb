import { defineConfig } from "vitest/config";

// *.test.ts stand beside the code; *.scenario.ts run on both lanes (see CONTRIBUTING.md).
export default defineConfig({
  test: {
    include: [
      "packages/**/*.test.ts",
      "conformance/**/*.test.ts",
      "conformance/**/*.scenario.ts",
      "scripts/**/*.test.ts",
    ],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
