import type { Agent, IncomingHttpHeaders } from "node:http";
import https from "node:https";
import type { Clock, Logger } from "@podwright/client";
import { Problem } from "../problem.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import { freshForMs, mayKeep } from "./freshness.ts";
import { readTenantAnswer } from "./read-tenant.ts";
import { type Tenant, TenantShapeError, type TenantSource } from "./tenant.ts";

// An import would load all of fetch.
const http = process.getBuiltinModule("node:http");

export interface HttpTenantsOptions {
  /** With or without "/tenants" at its end. */
  url: string;
  /** Sent as the header moopkey. */
  moopkey?: string;
  clock: Clock;
  logger: Logger;
  /** For a whole answer. Default 3 s. */
  timeoutMs?: number;
  /** Answers kept. Default 1,000. */
  cacheSize?: number;
  onCall?: (outcome: "ok" | "not_found" | "failed" | "timeout" | "refused" | "cached") => void;
}

const largestAnswer = 4 * 1024 * 1024;

interface Kept {
  tenant: Tenant;
  freshUntil: number;
  etag: string | undefined;
}

/**
 * Tenants that a service over HTTP knows. Its answers are used again for as long as their cache headers say and no
 * longer: what went stale is asked for again, and when that fails the request fails. Requests for one tenant at one
 * time are one call. A service that keeps failing is left alone for a while.
 */
export function httpTenants(options: HttpTenantsOptions): TenantSource & { breaker: CircuitBreaker } {
  const { clock, logger, timeoutMs = 3_000, cacheSize = 1_000, onCall = () => {} } = options;
  const trimmed = options.url.replace(/\/+$/, "");
  const base = new URL(trimmed.endsWith("/tenants") ? `${trimmed}/` : `${trimmed}/tenants/`);
  const { Agent: SecureAgent } = https;
  const agent: Agent =
    base.protocol === "https:"
      ? new SecureAgent({ keepAlive: true, maxSockets: 32 })
      : new http.Agent({ keepAlive: true, maxSockets: 32 });
  const breaker = new CircuitBreaker({ clock });
  const kept = new Map<string, Kept>();
  const asking = new Map<string, Promise<Tenant>>();

  const keep = (id: string, entry: Kept): void => {
    kept.delete(id);
    kept.set(id, entry);
    if (kept.size > cacheSize) kept.delete(kept.keys().next().value as string);
  };

  const ask = async (id: string): Promise<Tenant> => {
    const waitMs = breaker.enter();
    if (waitMs > 0) {
      onCall("refused");
      throw new Problem("tenant_service_failed", "the tenant service keeps failing and is left alone for a while", {
        retryAfterSeconds: Math.ceil(waitMs / 1000),
      });
    }
    const known = kept.get(id);
    try {
      const answer = await send(new URL(encodeURIComponent(id), base), known?.etag);
      const tenant = read(id, answer, known);
      breaker.succeeded();
      onCall("ok");
      const entry = {
        tenant,
        freshUntil: clock.now() + freshForMs(answer.headers, clock.now()),
        etag: answer.headers.etag,
      };
      if (mayKeep(answer.headers) && (entry.freshUntil > clock.now() || entry.etag !== undefined)) keep(id, entry);
      else kept.delete(id);
      return tenant;
    } catch (error) {
      kept.delete(id);
      if (error instanceof Problem && error.code === "not_found") {
        breaker.succeeded();
        onCall("not_found");
      } else {
        breaker.failed();
        onCall(error instanceof Problem && error.code === "tenant_service_timeout" ? "timeout" : "failed");
        logger.warn("the tenant service failed", { tenant: id, error: (error as Error).message });
      }
      throw error;
    }
  };

  const read = (id: string, { status, body, headers }: Answer, known: Kept | undefined): Tenant => {
    if (status === 304 && known !== undefined) {
      if (headers.etag === undefined && known.etag !== undefined) headers.etag = known.etag;
      return known.tenant;
    }
    if (status === 404) throw new Problem("not_found", "there is no such tenant");
    if (status !== 200) throw new Problem("tenant_service_failed", `the tenant service answered with ${status}`);
    let value: unknown;
    try {
      value = JSON.parse(body);
    } catch {
      throw new Problem("tenant_service_failed", "the tenant service's answer is no JSON");
    }
    try {
      return readTenantAnswer(id, value);
    } catch (error) {
      if (!(error instanceof TenantShapeError)) throw error;
      throw new Problem("tenant_service_failed", `the tenant service's answer is not a tenant: ${error.message}`);
    }
  };

  const send = (url: URL, etag: string | undefined): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const headers: Record<string, string> = { accept: "application/json" };
      if (options.moopkey !== undefined) headers["moopkey"] = options.moopkey;
      if (etag !== undefined) headers["if-none-match"] = etag;
      const sent = (url.protocol === "https:" ? https : http).request(url, { agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > largestAnswer)
            sent.destroy(new Problem("tenant_service_failed", "the tenant service's answer is too large"));
          else chunks.push(chunk);
        });
        response.once("end", () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString("utf8"),
          });
        });
        response.once("error", fail);
        response.once("close", () => fail(new Error("the connection was closed within the answer")));
      });
      const timer = clock.after(timeoutMs, () => {
        sent.destroy(
          new Problem("tenant_service_timeout", `the tenant service did not answer within ${timeoutMs / 1000} s`),
        );
      });
      const fail = (error: Error): void => {
        timer.cancel();
        if (error instanceof Problem) {
          reject(error);
          return;
        }
        const { code } = error as NodeJS.ErrnoException;
        const why = code === undefined ? error.message : `${code}`;
        reject(new Problem("tenant_service_failed", `the tenant service cannot be reached (${why})`, { cause: error }));
      };
      sent.once("error", fail);
      sent.once("close", () => timer.cancel());
      sent.end();
    });

  return {
    breaker,
    find(id) {
      const known = kept.get(id);
      if (known !== undefined && known.freshUntil > clock.now()) {
        onCall("cached");
        return Promise.resolve(known.tenant);
      }
      let call = asking.get(id);
      if (call === undefined) {
        call = ask(id).finally(() => asking.delete(id));
        asking.set(id, call);
      }
      return call;
    },
    ready: () => true,
    async stop() {
      agent.destroy();
    },
  };
}

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}
