import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import type { TableConvertor } from "../resources/resource.ts";
import type { NativeKind, Struct } from "./kind.ts";

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
  hasGeneration: true,
  allowUnconditionalUpdate: false,
  table,
};

export const mutatingWebhookConfiguration: NativeKind = {
  defaults: {
    "io.k8s.api.admissionregistration.v1.MutatingWebhook": (webhook) => {
      webhookDefaults(webhook);
      webhook["reinvocationPolicy"] ??= "Never";
    },
  },
  hasGeneration: true,
  allowUnconditionalUpdate: false,
  table,
};
