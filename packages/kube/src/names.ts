/**
 * Rules for names, labels and keys (k8s.io/apimachinery/pkg/util/validation/validation.go and
 * pkg/api/validate/content). Every function gives the texts of what is wrong: an empty list for a valid value.
 */

const dns1123Label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const dns1123Subdomain = `${dns1123Label}(\\.${dns1123Label})*`;
const dns1035Label = "[a-z]([-a-z0-9]*[a-z0-9])?";
const labelKey = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const labelValue = `(${labelKey})?`;
const cIdentifier = "[A-Za-z_][A-Za-z0-9_]*";
const configMapKey = "[-._a-zA-Z0-9]+";
const envVarName = "[-._a-zA-Z][-._a-zA-Z0-9]*";
const httpHeaderName = "[-A-Za-z0-9]+";
const percent = "[0-9]+%";

const patterns = {
  dns1123Label: new RegExp(`^${dns1123Label}$`),
  dns1123Subdomain: new RegExp(`^${dns1123Subdomain}$`),
  wildcard: new RegExp(`^\\*\\.${dns1123Subdomain}$`),
  dns1035Label: new RegExp(`^${dns1035Label}$`),
  labelKey: new RegExp(`^${labelKey}$`),
  labelValue: new RegExp(`^${labelValue}$`),
  cIdentifier: new RegExp(`^${cIdentifier}$`),
  configMapKey: new RegExp(`^${configMapKey}$`),
  envVarName: new RegExp(`^${envVarName}$`),
  httpHeaderName: new RegExp(`^${httpHeaderName}$`),
  percent: new RegExp(`^${percent}$`),
} as const;

const mustBe = {
  dns1123Label:
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  dns1123Subdomain:
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  wildcard:
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
  dns1035Label:
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  labelKey:
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  labelValue:
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  cIdentifier:
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
  configMapKey: "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
  envVarName:
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
  httpHeaderName: "a valid HTTP header must consist of alphanumeric characters or '-'",
  percent: "a valid percent string must be a numeric string followed by an ending '%'",
} as const;

const subdomainMaxLength = 253;
const labelMaxLength = 63;

/** A DNS label: Namespace and most Service names. */
export function isDns1123Label(value: string): string[] {
  const errors = tooLong(value, labelMaxLength, "characters");
  if (patterns.dns1123Label.test(value)) return errors;
  // Length was looked at: a subdomain is no label only for its dots.
  if (patterns.dns1123Subdomain.test(value)) return [...errors, "must not contain dots"];
  return [...errors, regexError(mustBe.dns1123Label, dns1123Label, "my-name", "123-abc")];
}

/** DNS labels joined by dots: the names of most kinds. */
export function isDns1123Subdomain(value: string): string[] {
  return subdomainErrors(value, "characters");
}

function subdomainErrors(value: string, unit: "characters" | "bytes"): string[] {
  const errors = tooLong(value, subdomainMaxLength, unit);
  if (patterns.dns1123Subdomain.test(value)) return errors;
  return [...errors, regexError(mustBe.dns1123Subdomain, dns1123Subdomain, "example.com")];
}

/** "*." and a subdomain: hosts of Ingress rules. */
export function isWildcardDns1123Subdomain(value: string): string[] {
  const errors = tooLong(value, subdomainMaxLength, "characters");
  if (patterns.wildcard.test(value)) return errors;
  return [...errors, regexError(mustBe.wildcard, `\\*\\.${dns1123Subdomain}`, "*.example.com")];
}

/** A DNS label that starts with a letter: Service names, volume-independent identifiers. */
export function isDns1035Label(value: string): string[] {
  const errors = tooLong(value, labelMaxLength, "characters");
  if (patterns.dns1035Label.test(value)) return errors;
  return [...errors, regexError(mustBe.dns1035Label, dns1035Label, "my-name", "abc-123")];
}

/** A label key, also used for annotations, taints, resources, finalizers: an optional DNS prefix, "/" and a name. */
export function isQualifiedName(value: string): string[] {
  const parts = value.split("/");
  const [first = "", second] = parts;
  const shape = () => regexError(mustBe.labelKey, labelKey, "MyName", "my.name", "123-abc");
  if (parts.length > 2) {
    return [`a valid label key ${shape()} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const errors: string[] = [];
  if (second !== undefined) {
    if (first === "") errors.push("prefix part must be non-empty");
    else errors.push(...subdomainErrors(first, "bytes").map((error) => `prefix part ${error}`));
  }
  const name = second ?? first;
  if (name === "") errors.push("name part must be non-empty");
  else errors.push(...tooLong(name, labelMaxLength, "bytes").map((error) => `name part ${error}`));
  if (!patterns.labelKey.test(name)) errors.push(`name part ${shape()}`);
  return errors;
}

/** The value of a label: at most 63 characters, may be empty. */
export function isLabelValue(value: string): string[] {
  const errors = tooLong(value, labelMaxLength, "bytes");
  if (patterns.labelValue.test(value)) return errors;
  return [...errors, regexError(mustBe.labelValue, labelValue, "MyValue", "my_value", "12345")];
}

export function isCIdentifier(value: string): string[] {
  if (patterns.cIdentifier.test(value)) return [];
  return [regexError(mustBe.cIdentifier, cIdentifier, "my_name", "MY_NAME", "MyName")];
}

/** A key of a ConfigMap's or Secret's data. */
export function isConfigMapKey(value: string): string[] {
  const errors = tooLong(value, subdomainMaxLength, "characters");
  if (!patterns.configMapKey.test(value)) {
    errors.push(regexError(mustBe.configMapKey, configMapKey, "key.name", "KEY_NAME", "key-name"));
  }
  return [...errors, ...parentDirectory(value)];
}

/** The stricter rule for names of environment variables, that of envFrom prefixes before 1.34. */
export function isEnvVarName(value: string): string[] {
  const errors = patterns.envVarName.test(value)
    ? []
    : [regexError(mustBe.envVarName, envVarName, "my.env-name", "MY_ENV.NAME", "MyEnvName1")];
  return [...errors, ...parentDirectory(value)];
}

/** The rule for names of environment variables since 1.34: printable ASCII without "=". */
export function isRelaxedEnvVarName(value: string): string[] {
  if (value === "") return ["environment variable name must be non-empty"];
  if (/^[\x20-\x3c\x3e-\x7e]*$/.test(value)) return [];
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

/** The name of a port (RFC 6335): at most 15 of a-z, 0-9 and single hyphens, at least one letter. */
export function isPortName(value: string): string[] {
  const errors = tooLong(value, 15, "characters");
  if (!/^[-a-z0-9]+$/.test(value)) {
    errors.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (!/[a-z]/.test(value)) errors.push("must contain at least one letter (a-z)");
  if (value.includes("--")) errors.push("must not contain consecutive hyphens");
  if (value.startsWith("-") || value.endsWith("-")) errors.push("must not begin or end with a hyphen");
  return errors;
}

export function isPortNumber(value: number): string[] {
  return isInRange(value, 1, 65535);
}

function isInRange(value: number, min: number, max: number): string[] {
  return value >= min && value <= max ? [] : [`must be between ${min} and ${max}, inclusive`];
}

/** "25%". */
export function isPercent(value: string): string[] {
  return patterns.percent.test(value) ? [] : [regexError(mustBe.percent, percent, "1%", "93%")];
}

export function isHttpHeaderName(value: string): string[] {
  if (patterns.httpHeaderName.test(value)) return [];
  return [regexError(mustBe.httpHeaderName, httpHeaderName, "X-Header-Name")];
}

/** A name that can stand in a URL's path; with `prefix` the start of one, as generateName is. */
export function isPathSegmentName(value: string, prefix = false): string[] {
  if (!prefix && (value === "." || value === "..")) return [`may not be '${value}'`];
  return ["/", "%"].filter((part) => value.includes(part)).map((part) => `may not contain '${part}'`);
}

/** The text that says a value does not match a pattern, with examples that do. */
export function regexError(message: string, pattern: string, ...examples: string[]): string {
  if (examples.length === 0) return `${message} (regex used for validation is '${pattern}')`;
  const shown = examples.map((example) => `'${example}', `).join(" or ");
  return `${message} (e.g. ${shown}regex used for validation is '${pattern}')`;
}

/** Upstream counts bytes, whatever it calls them. */
function tooLong(value: string, max: number, unit: "characters" | "bytes"): string[] {
  const long = value.length > max || (value.length * 3 > max && Buffer.byteLength(value) > max);
  return long ? [`must be no more than ${max} ${unit}`] : [];
}

function parentDirectory(value: string): string[] {
  if (value === "." || value === "..") return [`must not be '${value}'`];
  return value.startsWith("..") ? ["must not start with '..'"] : [];
}
