import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import { Ajv, type Options as AjvOptions } from "ajv";
import Fastify, { type FastifyInstance, type FastifyReply, LogController } from "fastify";
import type { ServiceConfig } from "../config.ts";
import { Problem } from "../problem.ts";
import { asProblem, givenRequestId, problemBody, problemHeaders, problemType } from "./problem-answer.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** For the log. */
    tenantId?: string;
    runName?: string;
  }
}

export interface AppOptions {
  config: ServiceConfig;
  /** Where the log goes; default the standard output. */
  logTo?: { write(line: string): void };
  /** A server that listens already, whose requests are to be answered here. */
  server?: Server;
}

const maxHeaderBytes = 16 * 1024;
const headersWithinMs = 10_000;
const requestWithinMs = 30_000;
const longestUrl = 2_000;

/** What could be a secret is taken out of the log wherever it might get in. */
const redact = ["authorization", "moopkey", "*.authorization", "*.moopkey"];

/** Fastify with the service's limits, errors and log; no routes yet. `app.log` is the service's log: JSON lines. */
export function createApp({ config, logTo, server }: AppOptions): FastifyInstance {
  const http = process.getBuiltinModule("node:http");
  const app = Fastify({
    logger: {
      level: config.logLevel,
      base: { name: "pod-service" },
      redact,
      ...(logTo === undefined ? {} : { stream: logTo }),
    },
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: config.bodyLimitBytes,
    requestIdHeader: false,
    genReqId: (request) => givenRequestId(request.headers) ?? randomUUID(),
    forceCloseConnections: "idle",
    return503OnClosing: true,
    // With our own Fastify's compilers are not loaded: 8 MB.
    schemaController: {
      compilersFactory: {
        buildValidator: validatorCompiler as never,
        buildSerializer: (() => () => JSON.stringify) as never,
      },
    },
    routerOptions: { maxParamLength: 300, ignoreTrailingSlash: true },
    frameworkErrors(error, request, reply) {
      void reply.raw.writeHead(400, { "content-type": problemType });
      reply.raw.end(JSON.stringify(problemBody(asProblem(error), request.url)));
    },
    clientErrorHandler,
    serverFactory(handler) {
      if (server !== undefined) {
        server.on("request", handler);
        return server;
      }
      const settings = {
        maxHeaderSize: maxHeaderBytes,
        headersTimeout: headersWithinMs,
        requestTimeout: requestWithinMs,
      };
      return http.createServer({ ...settings, keepAliveTimeout: 120_000 }, handler);
    },
  });
  app.removeContentTypeParser(["text/plain", "application/json"]);
  // Clients name a type for bodies that they do not send.
  const parse = app.getDefaultJsonParser("error", "error");
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, text, done) => {
    if (text === "") done(null, undefined);
    else parse(request, text as string, done);
  });
  app.decorateRequest("tenantId", undefined);
  app.decorateRequest("runName", undefined);

  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id).header("x-content-type-options", "nosniff");
    // Before the body is looked at.
    if (request.is404) throw nothingHere(app, request.url, reply);
    if (request.url.length > longestUrl)
      throw new Problem("invalid_request", `the URL is longer than ${longestUrl} characters`);
  });
  app.setErrorHandler((error, request, reply) => {
    const problem = asProblem(error);
    if (problem.status >= 500) request.log.error({ tenant: request.tenantId, err: messageOf(problem) }, problem.title);
    return reply
      .code(problem.status)
      .headers(problemHeaders(problem))
      .header("content-type", problemType)
      .send(Buffer.from(JSON.stringify(problemBody(problem, request.url.split("?", 1)[0] ?? ""))));
  });
  app.setNotFoundHandler((request, reply) => {
    throw nothingHere(app, request.url, reply);
  });
  return app;
}

/** 405 where another method is served, 404 where nothing is. */
function nothingHere(app: FastifyInstance, url: string, reply: FastifyReply): Problem {
  const allowed = methodsOf(app, url);
  if (allowed.length === 0) return new Problem("not_found", "nothing is served here");
  void reply.header("allow", allowed.join(", "));
  return new Problem("method_not_allowed", `there is ${allowed.join(", ")}`);
}

/** What is written in a body is taken as it is; numbers of a query are texts at first. */
function validatorCompiler() {
  const settings: AjvOptions = {
    useDefaults: false,
    removeAdditional: false,
    allErrors: false,
    strict: false,
    logger: false,
  };
  const body = new Ajv({ ...settings, coerceTypes: false });
  const texts = new Ajv({ ...settings, coerceTypes: true });
  return ({ httpPart, schema }: { httpPart?: string; schema: object }) =>
    (httpPart === "body" ? body : texts).compile(schema);
}

function messageOf(problem: Problem): string {
  const { cause } = problem;
  return cause instanceof Error
    ? `${problem.message}: ${problem.code === "internal" ? cause.stack : cause.message}`
    : problem.message;
}

function methodsOf(app: FastifyInstance, url: string): string[] {
  const path = url.split("?", 1)[0] as string;
  return (["GET", "POST", "DELETE"] as const).filter(
    (method) => app.findRoute({ method, url: path }) !== null || isRun(path, method),
  );
}

function isRun(path: string, method: string): boolean {
  const below = /^(?:\/service\/v1)?\/pods\/[^/]+(\/log|\/events)?\/?$/.exec(path);
  return below !== null && (below[1] === undefined ? method !== "POST" : method === "GET");
}

/** What is no HTTP, or has headers beyond the limit, is answered as a problem too. */
function clientErrorHandler(
  error: Error & { code?: string },
  socket: { writable: boolean; end(text: string): void; destroy(): void },
): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const problem =
    error.code === "HPE_HEADER_OVERFLOW"
      ? new Problem("header_too_large", `the headers are larger than ${maxHeaderBytes} bytes`)
      : new Problem("invalid_request", "the request is no HTTP");
  const body = JSON.stringify(problemBody(problem, ""));
  const head = `HTTP/1.1 ${problem.status} ${problem.title}\r\ncontent-type: ${problemType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n`;
  socket.end(head + body);
}
