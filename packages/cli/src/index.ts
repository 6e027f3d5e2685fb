export { findTool, packagedTool } from "./binaries.ts";
