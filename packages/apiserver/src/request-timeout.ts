import { status } from "@podwright/kube";

const units = ["ns", "us", "µs", "μs", "ms", "s", "m", "h"];

/**
 * Checks `?timeout=`, which every request but a watch may have (k8s.io/apiserver/pkg/endpoints/filters/request_deadline.go).
 * No request here takes so long that it would be cut short. Throws 400 for what is no duration as Go writes it.
 */
export function checkTimeout(query: URLSearchParams): void {
  if (query.size === 0) return;
  const timeout = query.get("timeout");
  if (timeout === null || timeout === "") return;
  const problem = durationProblem(timeout);
  if (problem === undefined) return;
  throw status.badRequest(`invalid timeout specified in the request URL - time: ${problem} ${JSON.stringify(timeout)}`);
}

function durationProblem(text: string): string | undefined {
  const unsigned = text.replace(/^[-+]/, "");
  if (unsigned === "0") return undefined;
  let rest = unsigned;
  do {
    const part = /^(\d+\.?\d*|\.\d+)([^\d.]*)/.exec(rest);
    if (part === null) return "invalid duration";
    const unit = part[2] as string;
    if (unit === "") return "missing unit in duration";
    if (!units.includes(unit)) return `unknown unit ${JSON.stringify(unit)} in duration`;
    rest = rest.slice(part[0].length);
  } while (rest !== "");
  return undefined;
}
