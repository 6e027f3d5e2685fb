import { enableCompileCache } from "node:module";

// Before anything else is loaded: from the second start on, Node.js reads the code compiled, which halves the start.
enableCompileCache();
await import("./program.ts");
