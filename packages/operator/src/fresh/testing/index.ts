export { dockerEngine } from "../sources/docker.ts";
export * from "./docker-daemon.ts";
export * from "./oci-archive.ts";
export * from "./registry-process.ts";
