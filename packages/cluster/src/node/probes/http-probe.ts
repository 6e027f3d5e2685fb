/** HTTP requests of probes and hooks (k8s.io/kubernetes/pkg/probe/http). */
import type { Clock } from "@podwright/client";
import type { Container, HttpGet } from "../../kinds.ts";
import { type Connect, dialProblem } from "./connect.ts";
import { containerPort } from "./container-port.ts";
import type { ProbeOutcome } from "./probe-outcome.ts";

const bodyLimit = 10 * 1024;
const redirectLimit = 10;
const version = "1.35";

export interface HttpProbeOptions {
  connect: Connect;
  clock: Clock;
  timeoutMs: number;
}

/** 200 to 399 is a success; redirects are followed to the same host only. */
export async function httpProbe(
  action: HttpGet,
  container: Container,
  podIp: string,
  options: HttpProbeOptions,
): Promise<ProbeOutcome> {
  let url = urlOf(action, container, podIp);
  const first = url;
  for (let redirects = 0; ; redirects++) {
    const answer = await httpRequest(url, headersOf(action, "probe"), options);
    if ("problem" in answer) return { result: "failure", output: answer.problem };
    const { status, location, body } = answer;
    const next = status >= 300 && status < 400 && location !== undefined ? parsed(location, url) : undefined;
    if (next !== undefined && next.hostname === first.hostname) {
      if (redirects + 1 >= redirectLimit) {
        return { result: "failure", output: `Get ${quoted(next)}: stopped after ${redirectLimit} redirects` };
      }
      url = next;
      continue;
    }
    if (status >= 300 && status < 400) {
      return { result: "warning", output: `Probe terminated redirects, Response body: ${body}` };
    }
    if (status >= 200 && status < 300) return { result: "success", output: body };
    return { result: "failure", output: `HTTP probe failed with statuscode: ${status}` };
  }
}

/** Sends a hook's request; any answer is good. Throws when there is none. */
export async function httpHook(
  action: HttpGet,
  container: Container,
  podIp: string,
  options: HttpProbeOptions,
): Promise<void> {
  const answer = await httpRequest(urlOf(action, container, podIp), headersOf(action, "lifecycle"), options);
  if ("problem" in answer) throw new Error(answer.problem);
}

function urlOf(action: HttpGet, container: Container, podIp: string): URL {
  const scheme = (action.scheme ?? "HTTP").toLowerCase();
  const host = action.host || podIp;
  const authority = `${host.includes(":") ? `[${host}]` : host}:${containerPort(action.port, container)}`;
  const path = action.path ?? "/";
  return new URL(`${scheme}://${authority}${path.startsWith("/") ? "" : "/"}${path}`);
}

function headersOf(action: HttpGet, purpose: "probe" | "lifecycle"): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  for (const { name, value = "" } of action.httpHeaders ?? []) {
    const key = canonical(name);
    headers[key] = [...(headers[key] ?? []), value];
  }
  headers["User-Agent"] ??= [`kube-${purpose}/${version}`];
  headers["Accept"] ??= ["*/*"];
  if (headers["Accept"].join("") === "") delete headers["Accept"];
  headers["Connection"] = ["close"];
  return headers;
}

/** "x-my-header" as "X-My-Header": as Go sends it, and small servers expect it. */
function canonical(name: string): string {
  return name
    .split("-")
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase())
    .join("-");
}

type Answer = { status: number; location: string | undefined; body: string } | { problem: string };

async function httpRequest(
  url: URL,
  headers: Record<string, string[]>,
  { connect, clock, timeoutMs }: HttpProbeOptions,
): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const problem = (text: string): void => resolve({ problem: `Get ${quoted(url)}: ${text}` });
  const ended = new AbortController();
  const timer = clock.after(timeoutMs, () =>
    problem("context deadline exceeded (Client.Timeout exceeded while awaiting headers)"),
  );
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  try {
    const socket = await Promise.race([connect(url.hostname.replace(/^\[|\]$/g, ""), port, ended.signal), promise]);
    if ("problem" in socket || "status" in socket) return socket;
    const { request } = await import("node:http");
    const { connect: secure } = await import("node:tls");
    const stream = url.protocol === "https:" ? secure({ socket, rejectUnauthorized: false }) : socket;
    stream.on("error", (error) => problem(error.message));
    const sent = request(url.href.replace(/^https:/, "http:"), {
      headers,
      createConnection: () => stream as never,
      // Small servers end lines with a line feed alone, which Go takes.
      insecureHTTPParser: true,
    });
    sent.on("error", (error) => problem(error.message === "socket hang up" ? "EOF" : error.message));
    sent.on("response", (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const done = (): void =>
        resolve({
          status: response.statusCode ?? 0,
          location: response.headers.location,
          body: Buffer.concat(chunks).subarray(0, bodyLimit).toString("utf8"),
        });
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size >= bodyLimit) done();
      });
      response.on("end", done);
      response.on("error", (error) => problem(error.message));
    });
    sent.end();
    return await promise;
  } catch (error) {
    return { problem: `Get ${quoted(url)}: ${dialProblem(error, `${url.hostname}:${port}`)}` };
  } finally {
    timer.cancel();
    ended.abort();
  }
}

function parsed(location: string, base: URL): URL | undefined {
  return URL.canParse(location, base.href) ? new URL(location, base.href) : undefined;
}

/** With the port, as Go prints it. */
function quoted(url: URL): string {
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return JSON.stringify(`${url.protocol}//${url.hostname}:${port}${url.pathname}${url.search}`);
}
