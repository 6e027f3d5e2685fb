import { type Clock, withoutManagedFields } from "@podwright/client";
import { stringifyJson } from "@podwright/kube/json";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Access } from "../access/access.ts";
import { invalidField, Problem } from "../problem.ts";
import { fingerprint } from "../runs/names.ts";
import { isFinished, type Run } from "../runs/run.ts";
import { keyDigest, keyReused, objectOf } from "../runs/run-object.ts";
import type { CreatedRun, FoundRun } from "../runs/run-request.ts";
import { failures, notFound, problem } from "./documented-failures.ts";
import { listRuns } from "./list-runs.ts";
import { type RunAccessOptions, runAccess } from "./run-access.ts";
import * as schemas from "./schemas.ts";
import { livePodJson, pick, podJson, withPythonNames } from "./shapes.ts";

export interface PodRoutesOptions extends RunAccessOptions {
  clock: Clock;
  /** Upstream's path: answers have upstream's names of members too. */
  upstream: boolean;
}

const jsonType = "application/json; charset=utf-8";
const defaultWaitSeconds = 30;
const defaultPageSize = 100;

const pod = (text: string) => ({ description: text, content: { "application/json": { schema: schemas.podAnswer } } });
const created = (text: string) => ({
  description: text,
  content: { "application/json": { schema: schemas.createdAnswer } },
});
const tags = ["pods"];

/** The routes of pods, below the instance's prefix. */
export function podRoutes(app: FastifyInstance, options: PodRoutesOptions): void {
  const { clock, runs, upstream } = options;

  const { enter, find } = runAccess(options);
  const sendJson = (reply: FastifyReply, json: string): FastifyReply => {
    reply.header("content-type", jsonType);
    return reply.send(upstream ? JSON.stringify(withPythonNames(JSON.parse(json))) : json);
  };
  const sendFound = (reply: FastifyReply, found: FoundRun, fields: string | undefined): FastifyReply => {
    const object =
      found.in === "cluster"
        ? found.live.object
        : found.in === "queue"
          ? found.ticket.item.object
          : objectOf(found.run);
    if (fields !== undefined) return sendJson(reply, stringifyJson(pick({ ...object, run: found.run }, fields)));
    return sendJson(reply, found.in === "cluster" ? livePodJson(found.live) : podJson(object, found.run));
  };
  const hasCome = (run: Run, wait: string): boolean =>
    isFinished(run.phase) ||
    (wait === "created" ? run.phase !== "Queued" : wait === "running" && run.phase === "Running");
  const read = async (request: FastifyRequest, reply: FastifyReply, name: string): Promise<FastifyReply> => {
    const { fields, tenant, timeout, wait } = request.query as schemas.ReadQuery;
    const access = await enter(request, tenant);
    let found = find(access, name);
    if (wait !== undefined && !hasCome(found.run, wait)) {
      await runs.wait(
        access.tenant.id,
        name,
        (run) => hasCome(run, wait),
        (timeout ?? defaultWaitSeconds) * 1000,
        signalOf(reply),
      );
      found = find(access, name);
    }
    return sendFound(reply, found, fields);
  };
  const remove = async (request: FastifyRequest, reply: FastifyReply, name: string): Promise<FastifyReply> => {
    const { grace, tenant } = request.query as schemas.DeleteQuery;
    const access = await enter(request, tenant);
    find(access, name);
    const { run, answer } = await runs.delete(access.tenant.id, name, grace);
    return sendJson(
      reply,
      podJson(
        answer === undefined ? objectOf(run) : withoutManagedFields(answer),
        runs.live.get(access.tenant.id, name)?.run ?? run,
      ),
    );
  };

  app.post(
    "/pods",
    {
      schema: {
        tags,
        operationId: "createPod",
        summary: "Have a pod made from a template of the tenant",
        description:
          "With the header Idempotency-Key the same request gives the same answer again and nothing is made twice. 202 says that the run waits: Location leads to it.",
        headers: {
          type: "object",
          properties: {
            "idempotency-key": { type: "string", minLength: 1, maxLength: 255, description: "One request's own." },
          },
        },
        body: schemas.podRequest,
        querystring: schemas.createQuery,
        response: {
          201: created("Made: the object that the API server accepted."),
          202: created("It waits for its turn, a limit, a quota or the cluster; run.position tells its place."),
          ...failures,
          ...notFound,
          409: problem("The name is taken."),
          413: problem("The body is too large."),
          415: problem("The body is not JSON."),
          422: problem(
            "The cluster refuses the pod, a volume does not exist, or the idempotency key is another request's.",
          ),
        },
      },
    },
    async (request, reply) => {
      const body = request.body as schemas.PodRequest;
      const query = request.query as schemas.CreateQuery;
      const access = await enter(request, body.tenant);
      const key = idempotencyKey(request);
      const { tenant } = access;
      const asked =
        key === undefined
          ? undefined
          : { key: keyDigest(key), fingerprint: fingerprint({ ...body, tenant: tenant.id }) };
      const given = asked === undefined ? undefined : runs.records.requests.answer(tenant.id, asked.key);
      if (given !== undefined) {
        if (given.fingerprint !== asked?.fingerprint) throw keyReused();
        reply
          .code(given.status)
          .header("location", locationOf(request, given.name, body.tenant))
          .header("idempotency-replayed", "true");
        return sendJson(reply, given.body);
      }
      const templates = Object.keys(tenant.templates);
      const template = body.template ?? (templates.length === 1 ? templates[0] : undefined) ?? "pod";
      if (!access.allows(template)) throw new Problem("forbidden", "the token is not for this template");
      const created = await runs.create(
        tenant,
        {
          template,
          vols: (body.vols ?? []).map(({ mount, pvc, subpath }) => ({ mount, pvc, ...(subpath ? { subpath } : {}) })),
          ...(body.cmd === undefined ? {} : { cmd: body.cmd }),
          ...(body.params === undefined ? {} : { params: body.params }),
        },
        key,
      );
      request.runName = created.run.name;
      return answerCreated(request, reply, access, created, asked, query, body.tenant);
    },
  );

  const answerCreated = async (
    request: FastifyRequest,
    reply: FastifyReply,
    access: Access,
    created: CreatedRun,
    asked: { key: string; fingerprint: string } | undefined,
    { wait, timeout }: schemas.CreateQuery,
    tenant: string | undefined,
  ): Promise<FastifyReply> => {
    let { object, run, state } = created;
    if (wait !== undefined && !hasCome(run, wait)) {
      await runs.wait(
        access.tenant.id,
        run.name,
        (now) => hasCome(now, wait),
        (timeout ?? defaultWaitSeconds) * 1000,
        signalOf(reply),
      );
      const found = find(access, run.name);
      run = found.run;
      if (found.in !== "queue") state = "created";
      object = found.in === "cluster" ? found.live.object : object;
    }
    const status = state === "created" ? 201 : 202;
    const body = podJson(object, run);
    // What is still to be decided is not the answer to repeat.
    if (asked !== undefined && state === "created" && !created.replayed) {
      const { fingerprint, key } = asked;
      runs.records.requests.putAnswer(access.tenant.id, key, {
        fingerprint,
        name: run.name,
        status,
        body,
        at: clock.now(),
      });
    }
    reply.code(status).header("location", locationOf(request, run.name, tenant));
    if (created.replayed) reply.header("idempotency-replayed", "true");
    if (status === 202) reply.header("retry-after", "1");
    return sendJson(reply, body);
  };

  app.get(
    "/pods",
    {
      schema: {
        tags,
        operationId: "listPods",
        summary: "List the tenant's runs, the newest first; with name one of them",
        querystring: schemas.listQuery,
        response: {
          200: {
            description: "A page of runs; with name the pod.",
            content: { "application/json": { schema: { anyOf: [schemas.listAnswer, schemas.podAnswer] } } },
          },
          ...failures,
          ...notFound,
        },
      },
    },
    async (request, reply) => {
      const query = request.query as schemas.ListQuery;
      if (query.name !== undefined) return read(request, reply, query.name);
      const access = await enter(request, query.tenant);
      if (!runs.live.hasSynced)
        throw new Problem("not_ready", "the cluster is not known yet", { retryAfterSeconds: 1 });
      const listing = listRuns(runs, access.tenant.id, {
        limit: query.limit ?? defaultPageSize,
        fits: (run) => (query.template === undefined || run.template === query.template) && access.allows(run.template),
        ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
        ...(query.state === undefined ? {} : { state: query.state }),
      });
      const { fields } = query;
      const items = fields === undefined ? listing.items : listing.items.map((run) => pick(run, fields));
      reply.header("content-type", jsonType);
      return reply.send(JSON.stringify({ ...listing, items }));
    },
  );

  app.get(
    "/pods/:name",
    {
      schema: {
        tags,
        operationId: "getPod",
        summary: "A run: its pod, phase, exit code, reason, times and node",
        params: schemas.nameParams,
        querystring: schemas.readQuery,
        response: { 200: pod("The run."), ...failures, ...notFound },
      },
    },
    (request, reply) => read(request, reply, (request.params as schemas.NameParams).name),
  );

  const removed = {
    200: pod("It ends, or waits no more."),
    ...failures,
    ...notFound,
    409: problem("The run changed meanwhile."),
  };
  app.delete(
    "/pods/:name",
    {
      schema: {
        tags,
        operationId: "deletePod",
        summary: "End a run",
        params: schemas.nameParams,
        querystring: schemas.deleteQuery,
        response: removed,
      },
    },
    (request, reply) => remove(request, reply, (request.params as schemas.NameParams).name),
  );

  app.delete(
    "/pods",
    {
      schema: {
        tags,
        operationId: "deletePodByName",
        summary: "End the run of that name",
        querystring: schemas.deleteByNameQuery,
        response: removed,
      },
    },
    (request, reply) => remove(request, reply, (request.query as schemas.DeleteByNameQuery).name),
  );
}

function locationOf(request: FastifyRequest, name: string, tenant: string | undefined): string {
  const path = request.url.split("?", 1)[0];
  return `${path}/${name}${tenant === undefined ? "" : `?tenant=${tenant}`}`;
}

function idempotencyKey(request: FastifyRequest): string | undefined {
  const key = request.headers["idempotency-key"];
  if (key === undefined) return undefined;
  if (typeof key === "string" && /^[\x20-\x7e]{1,255}$/.test(key)) return key;
  throw invalidField("Idempotency-Key", "must be 1 to 255 printable ASCII characters");
}

/** Aborts when the caller goes away. */
function signalOf(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort());
  return gone.signal;
}
