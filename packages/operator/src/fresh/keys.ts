/** Label on a workload or its namespace: "true" has it kept fresh, "false" has it left alone. */
export const freshLabel = "podwright.dev/fresh";

/** Annotations on a workload or its namespace; the workload's own come first. */
export const policyKey = "podwright.dev/fresh-policy";
export const downgradeKey = "podwright.dev/fresh-downgrade";
export const deadlineKey = "podwright.dev/fresh-deadline";
export const pausedKey = "podwright.dev/fresh-paused";

/** Annotation on a workload by which a person asks that refused images be tried again; any value. */
export const retryKey = "podwright.dev/fresh-retry";

/** Annotations of people, as opposed to what we write. */
export const settingKeys = [policyKey, downgradeKey, deadlineKey, pausedKey, retryKey] as const;

export const fieldManager = "podwright-fresh";

/** Annotation of a workload: what was rolled out, and what is not tried again. Written by the operator. */
export const stateKey = "podwright.dev/fresh-state";
