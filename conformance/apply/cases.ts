import type { Answer } from "../differential/exchange.ts";
import type { Case } from "../differential/recorded.ts";
import { customCases } from "./custom-cases.ts";
import { errorCases } from "./error-cases.ts";
import { listCases } from "./list-cases.ts";
import { migrationCases } from "./migration-cases.ts";
import { ownershipCases } from "./ownership-cases.ts";
import { subresourceCases } from "./subresource-cases.ts";
import { trackingCases } from "./tracking-cases.ts";

export const cases: Case[] = [
  ...trackingCases,
  ...ownershipCases,
  ...listCases,
  ...subresourceCases,
  ...customCases,
  ...migrationCases,
  ...errorCases,
];

interface Entry {
  manager?: string;
}

interface Body {
  kind?: string;
  metadata?: { managedFields?: Entry[]; annotations?: Record<string, string> };
  status?: unknown;
}

/** Takes out what the controllers of a real cluster do to a Deployment meanwhile. */
export function withoutControllers(answer: Answer): Answer {
  const body = answer.body as Body;
  if (body?.kind !== "Deployment" || body.metadata === undefined) return answer;
  const { status: _status, ...rest } = body;
  const { annotations, managedFields, ...metadata } = body.metadata;
  const { "deployment.kubernetes.io/revision": _revision, ...kept } = annotations ?? {};
  const others = managedFields?.filter(({ manager }) => manager !== "kube-controller-manager");
  return {
    ...answer,
    body: {
      ...rest,
      metadata: {
        ...metadata,
        ...(Object.keys(kept).length > 0 && { annotations: kept }),
        ...(others !== undefined && { managedFields: others }),
      },
    },
  };
}
