import { fieldError, isHttpHeaderName, isPortName, isPortNumber } from "@podwright/kube";
import { type Errors, each, invalid, nonNegative, required, requiredOneOf } from "../field-checks.ts";
import type { Struct } from "../kind.ts";

export type ProbeKind = "livenessProbe" | "readinessProbe" | "startupProbe";

export function probe(errors: Errors, path: string, kind: ProbeKind, probe: Struct): void {
  handler(errors, path, probe, ["exec", "httpGet", "tcpSocket", "grpc"], undefined);
  for (const field of [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
  ]) {
    nonNegative(errors, `${path}.${field}`, probe[field]);
  }
  const grace = probe["terminationGracePeriodSeconds"];
  if (grace !== undefined && grace <= 0) {
    errors.push(fieldError.invalid(`${path}.terminationGracePeriodSeconds`, grace, "must be greater than 0"));
  }
  if (kind === "readinessProbe") {
    if (grace !== undefined) {
      const detail = "must not be set for readinessProbes";
      errors.push(fieldError.invalid(`${path}.terminationGracePeriodSeconds`, grace, detail));
    }
  } else if (probe["successThreshold"] !== 1) {
    errors.push(fieldError.invalid(`${path}.successThreshold`, probe["successThreshold"] ?? 0, "must be 1"));
  }
}

/** @param gracePeriodSeconds the pod's: a preStop sleep must end within it. */
export function lifecycle(
  errors: Errors,
  path: string,
  lifecycle: Struct,
  gracePeriodSeconds: number | undefined,
  os: string | undefined,
): void {
  for (const hook of ["postStart", "preStop"]) {
    if (lifecycle[hook] === undefined) continue;
    handler(errors, `${path}.${hook}`, lifecycle[hook], ["exec", "httpGet", "tcpSocket", "sleep"], gracePeriodSeconds);
  }
  if (lifecycle["stopSignal"] !== undefined && os === undefined) {
    const detail = "may not be set for containers with empty `spec.os.name`";
    errors.push(fieldError.forbidden(`${path}.stopSignal`, detail));
  }
}

/** Exactly one of the handlers must be there. */
function handler(
  errors: Errors,
  path: string,
  handlers: Struct,
  kinds: readonly string[],
  gracePeriodSeconds: number | undefined,
): void {
  let found = 0;
  for (const kind of kinds) {
    const action = handlers[kind];
    if (action === undefined) continue;
    const at = `${path}.${kind}`;
    if (found++ > 0) errors.push(fieldError.forbidden(at, "may not specify more than 1 handler type"));
    else checkAction(errors, at, kind, action, gracePeriodSeconds);
  }
  if (found === 0) errors.push(fieldError.required(path, "must specify a handler type"));
}

function checkAction(
  errors: Errors,
  path: string,
  kind: string,
  action: Struct,
  gracePeriodSeconds: number | undefined,
): void {
  switch (kind) {
    case "exec":
      if (!action["command"]?.length) errors.push(fieldError.required(`${path}.command`));
      break;
    case "httpGet":
      required(errors, `${path}.path`, action["path"]);
      portNumberOrName(errors, `${path}.port`, action["port"]);
      requiredOneOf(errors, `${path}.scheme`, action["scheme"], ["HTTP", "HTTPS"]);
      each(action["httpHeaders"], path, ({ name = "" }: Struct) => {
        invalid(errors, `${path}.httpHeaders`, name, isHttpHeaderName(name));
      });
      break;
    case "tcpSocket":
    case "grpc":
      portNumberOrName(errors, `${path}.port`, action["port"] ?? 0);
      break;
    case "sleep": {
      const seconds = action["seconds"] ?? 0;
      if (gracePeriodSeconds !== undefined && (seconds < 0 || seconds > gracePeriodSeconds)) {
        const detail = `must be non-negative and less than terminationGracePeriodSeconds (${gracePeriodSeconds})`;
        errors.push(fieldError.invalid(path, seconds, detail));
      }
    }
  }
}

export function portNumberOrName(errors: Errors, path: string, port: number | string): void {
  invalid(errors, path, port, typeof port === "string" ? isPortName(port) : isPortNumber(port));
}
