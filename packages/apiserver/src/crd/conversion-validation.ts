import { X509Certificate } from "node:crypto";
import { type FieldError, fieldError, isDns1035Label } from "@podwright/kube";
import { webhookClient } from "../kinds/webhook-configuration.ts";
import type { Conversion, Definition } from "./definition.ts";

const strategies = ["None", "Webhook"];
const knownReviewVersions = ["v1", "v1beta1"];

/**
 * spec.conversion; the paths are those of upstream's internal version.
 *
 * @param anyAuthority nobody looks at the webhook's CA bundle: the definition is not served yet, or had a bad one
 */
export function validateConversion(
  conversion: Conversion | undefined,
  path: string,
  anyAuthority: boolean,
): FieldError[] {
  if (conversion === undefined) return [];
  const { strategy, webhook } = conversion;
  const errors: FieldError[] = [];
  if (!strategy) errors.push(fieldError.required(`${path}.strategy`));
  else if (!strategies.includes(strategy)) {
    errors.push(fieldError.notSupported(`${path}.strategy`, strategy, strategies));
  }
  const config = webhook?.clientConfig;
  const versions = webhook?.conversionReviewVersions ?? [];
  const configPath = `${path}.webhookClientConfig`;
  const versionsPath = `${path}.conversionReviewVersions`;
  if (strategy !== "Webhook") {
    const rule = "should not be set when strategy is not set to Webhook";
    if (config !== undefined) errors.push(fieldError.forbidden(configPath, rule));
    if (versions.length > 0) errors.push(fieldError.forbidden(versionsPath, rule));
    return errors;
  }
  if (config === undefined) errors.push(fieldError.required(configPath, "required when strategy is set to Webhook"));
  else {
    const { service } = config;
    // Upstream mistakes the one for the other.
    const mistaken = service && { ...service, name: service.namespace, namespace: service.name };
    webhookClient(errors, configPath, { ...config, service: mistaken });
    if (!anyAuthority) errors.push(...validateAuthority(config.caBundle, `${configPath}.caBundle`));
  }
  return [...errors, ...validateReviewVersions(versions, versionsPath)];
}

/** Has the definition a CA bundle that is none? */
export function hasBadAuthority({ spec: { conversion } }: Definition): boolean {
  return validateAuthority(conversion?.webhook?.clientConfig?.caBundle, "").length > 0;
}

/** k8s.io/client-go/transport/transport.go, rootCertPool. */
function validateAuthority(caBundle: string | undefined, path: string): FieldError[] {
  if (!caBundle) return [];
  const text = Buffer.from(caBundle, "base64").toString("latin1");
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.some(isCertificate)) return [];
  const problem =
    blocks.length === 0
      ? "unable to parse bytes as PEM block"
      : "failed to parse certificate: x509: malformed certificate";
  return [fieldError.invalid(path, caBundle, `unable to load root certificates: ${problem}`)];
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
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
