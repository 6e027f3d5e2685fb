/** How one probe went. A warning counts as a success. */
export interface ProbeOutcome {
  result: "success" | "warning" | "failure";
  output: string;
}
