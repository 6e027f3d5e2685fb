import { defineConfig } from "vitest/config";

// Foreign clients that need more than Node.js: Go. On the embedded cluster; test:real runs them on the real one.
export default defineConfig({
  test: { include: ["conformance/**/*.foreign.ts"], hookTimeout: 60_000, fileParallelism: false },
});
