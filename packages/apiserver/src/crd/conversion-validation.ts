import { type FieldError, fieldError, isDns1035Label } from "@podwright/kube";
import type { Conversion } from "./definition.ts";

const strategies = ["None", "Webhook"];
const knownReviewVersions = ["v1", "v1beta1"];

/** spec.conversion; the paths are those of upstream's internal version. */
export function validateConversion(conversion: Conversion | undefined, path: string): FieldError[] {
  if (conversion === undefined) return [];
  const { strategy, webhook } = conversion;
  if (!strategy) return [fieldError.required(`${path}.strategy`)];
  if (!strategies.includes(strategy)) return [fieldError.notSupported(`${path}.strategy`, strategy, strategies)];
  const config = webhook?.clientConfig;
  const versions = webhook?.conversionReviewVersions ?? [];
  if (strategy === "None") {
    const rule = "should not be set when strategy is not set to Webhook";
    return [
      ...(config === undefined ? [] : [fieldError.forbidden(`${path}.webhookClientConfig`, rule)]),
      ...(versions.length === 0 ? [] : [fieldError.forbidden(`${path}.conversionReviewVersions`, rule)]),
    ];
  }
  const errors: FieldError[] = [];
  const configPath = `${path}.webhookClientConfig`;
  if (config === undefined) errors.push(fieldError.required(configPath, "required when strategy is set to Webhook"));
  else if ((config.url === undefined) === (config.service === undefined)) {
    errors.push(fieldError.required(configPath, "exactly one of url or service is required"));
  } else if (config.service !== undefined) {
    if (!config.service.name)
      errors.push(fieldError.required(`${configPath}.service.name`, "service name is required"));
    if (!config.service.namespace) {
      errors.push(fieldError.required(`${configPath}.service.namespace`, "service namespace is required"));
    }
  }
  return [...errors, ...validateReviewVersions(versions, `${path}.conversionReviewVersions`)];
}

function validateReviewVersions(versions: readonly string[], path: string): FieldError[] {
  if (versions.length === 0) return [fieldError.required(path)];
  const errors: FieldError[] = [];
  for (const [index, version] of versions.entries()) {
    if (versions.indexOf(version) < index) {
      errors.push(fieldError.invalid(`${path}[${index}]`, version, "duplicate version"));
      continue;
    }
    for (const problem of isDns1035Label(version))
      errors.push(fieldError.invalid(`${path}[${index}]`, version, problem));
  }
  if (!versions.some((version) => knownReviewVersions.includes(version))) {
    const rule = `must include at least one of ${knownReviewVersions.join(", ")}`;
    errors.push(fieldError.invalid(path, [...versions], rule));
  }
  return errors;
}
