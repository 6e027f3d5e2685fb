import type { FastifyRequest } from "fastify";
import type { Access, Gate } from "../access/access.ts";
import { Problem } from "../problem.ts";
import type { FoundRun } from "../runs/run-request.ts";
import type { Runs } from "../runs/runs.ts";

export interface RunAccessOptions {
  gate: Gate;
  runs: Runs;
}

/** How routes let callers in and find what they ask for. Both throw a Problem. */
export function runAccess({ gate, runs }: RunAccessOptions) {
  const enter = async (request: FastifyRequest, tenant: string | undefined): Promise<Access> => {
    const access = await gate.enter(request.headers, tenant);
    request.tenantId = access.tenant.id;
    return access;
  };
  const find = (access: Access, name: string): FoundRun => {
    if (!runs.live.hasSynced) throw new Problem("not_ready", "the cluster is not known yet", { retryAfterSeconds: 1 });
    const found = runs.find(access.tenant.id, name);
    if (!access.allows(found.run.template)) throw new Problem("not_found", "there is no such run");
    return found;
  };
  return { enter, find };
}
