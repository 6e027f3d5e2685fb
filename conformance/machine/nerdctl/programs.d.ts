export declare const buildkitVersion = "v0.12.5";
/** Where scripts/nerdctl.ts puts nerdctl, buildkitd and buildctl. Versions of containerd 1.6's time. */
export declare const nerdctlFolder: string;
/** Why there is no nerdctl for tests here, if so. */
export declare function nerdctlMissing(): string | undefined;
