import { encoded } from "../output/response.ts";
import type { PathHandler } from "../server.ts";

/** What GET /version answers (k8s.io/apimachinery/pkg/version/types.go). Helm and kubectl parse gitVersion. */
export interface VersionInfo {
  major: string;
  minor: string;
  emulationMajor: string;
  emulationMinor: string;
  minCompatibilityMajor: string;
  minCompatibilityMinor: string;
  gitVersion: string;
  gitCommit: string;
  gitTreeState: string;
  buildDate: string;
  goVersion: string;
  compiler: string;
  platform: string;
}

/** The Kubernetes version whose API this is. */
export const defaultVersion: VersionInfo = {
  major: "1",
  minor: "35",
  emulationMajor: "1",
  emulationMinor: "35",
  minCompatibilityMajor: "1",
  minCompatibilityMinor: "34",
  gitVersion: "v1.35.4+podwright",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: `node${process.version}`,
  compiler: "node",
  platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
};

export function serveVersion(version: VersionInfo): PathHandler {
  return ({ method, path }) => {
    if (method !== "GET" || (path !== "/version" && path !== "/version/")) return undefined;
    // People read it: upstream writes it with line breaks for everybody.
    return encoded(200, version, { mediaType: "application/json", pretty: true });
  };
}
