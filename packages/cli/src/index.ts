export { findTool, packagedTool } from "./binaries.ts";
export { giveBackWhenIdle } from "./idle-memory.ts";
