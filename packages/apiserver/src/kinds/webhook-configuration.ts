import {
  type FieldError,
  fieldError,
  isDns1035Label,
  isDns1123Subdomain,
  isPortNumber,
  type KubeObject,
  validateLabelSelector,
} from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import type { TableConvertor } from "../resources/resource.ts";
import { type Errors, each, invalid, optionalOneOf, required } from "./field-checks.ts";
import type { NativeKind, Struct } from "./kind.ts";
import { matchConditionsChanged, validateMatchConditions } from "./match-conditions.ts";

const table: TableConvertor = {
  columns: [nameColumn, column("Webhooks", "The number of webhooks.", "integer"), ageColumn],
  cells: (object, nowMs) => [object.metadata.name ?? "", object["webhooks"]?.length ?? 0, age(object, nowMs)],
};

function webhookDefaults(webhook: Struct): void {
  webhook["failurePolicy"] ??= "Fail";
  webhook["matchPolicy"] ??= "Equivalent";
  webhook["namespaceSelector"] ??= {};
  webhook["objectSelector"] ??= {};
  webhook["timeoutSeconds"] ??= 10;
}

/** What both kinds are alike in. */
const webhookConfiguration: NativeKind = {
  hasGeneration: true,
  validate: (object) => validateWebhooks(object, true),
  validateUpdate: (object, old) => validateWebhooks(object, matchConditionsChanged(object, old)),
  allowUnconditionalUpdate: false,
  table,
};

export const validatingWebhookConfiguration: NativeKind = {
  defaults: {
    "io.k8s.api.admissionregistration.v1.ValidatingWebhook": webhookDefaults,
    "io.k8s.api.admissionregistration.v1.Rule": (rule) => {
      rule["scope"] ??= "*";
    },
    "io.k8s.api.admissionregistration.v1.ServiceReference": (reference) => {
      reference["port"] ??= 443;
    },
  },
  ...webhookConfiguration,
};

export const mutatingWebhookConfiguration: NativeKind = {
  defaults: {
    "io.k8s.api.admissionregistration.v1.MutatingWebhook": (webhook) => {
      webhookDefaults(webhook);
      webhook["reinvocationPolicy"] ??= "Never";
    },
  },
  ...webhookConfiguration,
};

const reviewVersions = ["v1", "v1beta1"];

/** k8s.io/kubernetes/pkg/apis/admissionregistration/validation/validation.go */
function validateWebhooks(object: KubeObject, checkConditions: boolean): FieldError[] {
  const errors: Errors = [];
  const names = new Set<string>();
  each(object["webhooks"], "webhooks", (webhook: Struct, at) => {
    const name: string = webhook["name"] ?? "";
    validateWebhook(errors, at, webhook);
    admissionReviewVersions(errors, `${at}.admissionReviewVersions`, webhook["admissionReviewVersions"] ?? []);
    if (name !== "" && names.has(name)) errors.push(fieldError.duplicate(`${at}.name`, name));
    names.add(name);
  });
  if (checkConditions) validateMatchConditions(errors, object);
  return errors;
}

function validateWebhook(errors: Errors, path: string, webhook: Struct): void {
  fullyQualifiedName(errors, `${path}.name`, webhook["name"] ?? "");
  each(webhook["rules"], `${path}.rules`, (rule: Struct, at) => webhookRule(errors, at, rule));
  optionalOneOf(errors, `${path}.failurePolicy`, webhook["failurePolicy"], ["Fail", "Ignore"]);
  optionalOneOf(errors, `${path}.matchPolicy`, webhook["matchPolicy"], ["Equivalent", "Exact"]);
  if (!webhook["sideEffects"]) {
    errors.push(fieldError.required(`${path}.sideEffects`, "must specify one of None, NoneOnDryRun"));
  }
  optionalOneOf(errors, `${path}.sideEffects`, webhook["sideEffects"], ["None", "NoneOnDryRun"]);
  const timeout = webhook["timeoutSeconds"];
  if (timeout < 1 || timeout > 30) {
    const detail = "the timeout value must be between 1 and 30 seconds";
    errors.push(fieldError.invalid(`${path}.timeoutSeconds`, timeout, detail));
  }
  for (const field of ["namespaceSelector", "objectSelector"]) {
    errors.push(...validateLabelSelector(webhook[field], `${path}.${field}`));
  }
  optionalOneOf(errors, `${path}.reinvocationPolicy`, webhook["reinvocationPolicy"], ["IfNeeded", "Never"]);
  webhookClient(errors, `${path}.clientConfig`, webhook["clientConfig"] ?? {});
}

function fullyQualifiedName(errors: Errors, path: string, name: string): void {
  const messages = isDns1123Subdomain(name);
  if (name === "") errors.push(fieldError.required(path));
  else if (messages.length > 0) errors.push(fieldError.invalid(path, name, messages.join(",")));
  else if (name.split(".").length < 3) {
    const detail = "should be a domain with at least three segments separated by dots";
    errors.push(fieldError.invalid(path, name, detail));
  }
}

export function webhookRule(errors: Errors, path: string, rule: Struct): void {
  const alone = (field: string, what: string) => {
    const values: string[] = rule[field] ?? [];
    if (values.length === 0) errors.push(fieldError.required(`${path}.${field}`));
    if (values.length > 1 && values.includes("*")) {
      errors.push(fieldError.invalid(`${path}.${field}`, values, `if '*' is present, must not specify other ${what}`));
    }
  };
  alone("operations", "operations");
  each(rule["operations"], `${path}.operations`, (operation: string, at) => {
    optionalOneOf(errors, at, operation, ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"]);
  });
  alone("apiGroups", "API groups");
  alone("apiVersions", "API versions");
  each(rule["apiVersions"], `${path}.apiVersions`, (version: string, at) => required(errors, at, version));
  const resources: string[] = rule["resources"] ?? [];
  const at = `${path}.resources`;
  if (resources.length === 0) errors.push(fieldError.required(at));
  each(resources, at, (resource, resourcePath) => required(errors, resourcePath, resource));
  if (resources.length > 1 && resources.includes("*/*")) {
    errors.push(fieldError.invalid(at, resources, "if '*/*' is present, must not specify other resources"));
  }
  if (resources.includes("*") && resources.some((resource) => resource !== "*" && !resource.includes("/"))) {
    const detail = "if '*' is present, must not specify other resources without subresources";
    errors.push(fieldError.invalid(at, resources, detail));
  }
  optionalOneOf(errors, `${path}.scope`, rule["scope"], ["*", "Cluster", "Namespaced"]);
}

/** A clientConfig: by URL or by Service (k8s.io/apiserver/pkg/util/webhook/validation.go). */
export function webhookClient(errors: Errors, path: string, { url, service }: Struct): void {
  if ((url === undefined) === (service === undefined)) {
    errors.push(fieldError.required(path, "exactly one of url or service is required"));
  } else if (url !== undefined) {
    webhookUrl(errors, `${path}.url`, url);
  } else {
    const at = `${path}.service`;
    required(errors, `${at}.name`, service.name);
    required(errors, `${at}.namespace`, service.namespace);
    const messages = isPortNumber(service.port);
    if (messages.length > 0) {
      errors.push(fieldError.invalid(`${at}.port`, service.port, `port is not valid: ${messages.join(", ")}`));
    }
    servicePath(errors, `${at}.path`, service.path ?? "");
  }
}

function webhookUrl(errors: Errors, path: string, text: string): void {
  const form = "; desired format: https://host[/path]";
  const [, scheme = ""] = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(text) ?? [];
  const url = URL.parse(text);
  if (scheme.toLowerCase() !== "https") {
    errors.push(fieldError.invalid(path, scheme, `'https' is the only allowed URL scheme${form}`));
  }
  if (url === null || !/:\/\/[^/?#]/.test(text)) {
    errors.push(fieldError.invalid(path, "", `host must be specified${form}`));
    return;
  }
  if (url.username !== "") {
    errors.push(fieldError.invalid(path, url.username, "user information is not permitted in the URL"));
  }
  if (url.hash !== "") {
    errors.push(fieldError.invalid(path, url.hash.slice(1), "fragments are not permitted in the URL"));
  }
  if (url.search !== "") {
    errors.push(fieldError.invalid(path, url.search.slice(1), "query parameters are not permitted in the URL"));
  }
}

function servicePath(errors: Errors, path: string, urlPath: string): void {
  if (urlPath === "" || urlPath === "/") return;
  if (urlPath === "//") {
    errors.push(fieldError.invalid(path, urlPath, "segment[0] may not be empty"));
    return;
  }
  if (!urlPath.startsWith("/")) errors.push(fieldError.invalid(path, urlPath, "must start with a '/'"));
  for (const [index, segment] of urlPath.slice(1).replace(/\/$/, "").split("/").entries()) {
    if (segment === "") errors.push(fieldError.invalid(path, urlPath, `segment[${index}] may not be empty`));
    else
      invalid(
        errors,
        path,
        urlPath,
        isDns1123Subdomain(segment).map((message) => `segment[${index}]: ${message}`),
      );
  }
}

function admissionReviewVersions(errors: Errors, path: string, versions: string[]): void {
  if (versions.length === 0) {
    errors.push(fieldError.required(path, `must specify one of ${reviewVersions.join(", ")}`));
    return;
  }
  const seen = new Set<string>();
  each(versions, path, (version, at) => {
    if (seen.has(version)) errors.push(fieldError.invalid(at, version, "duplicate version"));
    else invalid(errors, at, version, isDns1035Label(version));
    seen.add(version);
  });
  if (!versions.some((version) => reviewVersions.includes(version))) {
    errors.push(fieldError.invalid(path, versions, `must include at least one of ${reviewVersions.join(", ")}`));
  }
}
