import { type Agent, request } from "node:https";
import { performance } from "node:perf_hooks";

/** An API server under load. */
export interface Target {
  server: string;
  agent: Agent;
  headers: Record<string, string>;
}

export interface Call {
  method: string;
  path: string;
  body?: string;
  contentType?: string;
}

/** Rates are per second, latencies in ms. */
export interface Rate {
  count: number;
  per_s: number;
  p50_ms: number;
  p99_ms: number;
}

/** Sends the calls, so many at a time, each as soon as one before it is answered. Throws at the first failure. */
export async function load(target: Target, calls: Call[], inFlight: number): Promise<Rate> {
  const latencies: number[] = [];
  let next = 0;
  const began = performance.now();
  const worker = async () => {
    for (let call = calls[next++]; call !== undefined; call = calls[next++]) {
      const sent = performance.now();
      const { status, body } = await send(target, call);
      if (status >= 300)
        throw new Error(`${call.method} ${call.path}: ${status} ${body.toString("utf8").slice(0, 300)}`);
      latencies.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const seconds = (performance.now() - began) / 1000;
  latencies.sort((a, b) => a - b);
  const percentile = (share: number) =>
    round(latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0);
  return {
    count: calls.length,
    per_s: Math.round(calls.length / seconds),
    p50_ms: percentile(0.5),
    p99_ms: percentile(0.99),
  };
}

/** One call to its end. */
export function send(target: Target, call: Call): Promise<{ status: number; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      target.server + call.path,
      {
        method: call.method,
        agent: target.agent,
        headers: {
          ...target.headers,
          accept: "application/json",
          ...(call.body === undefined
            ? {}
            : {
                "content-type": call.contentType ?? "application/json",
                "content-length": Buffer.byteLength(call.body),
              }),
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
        response.on("error", reject);
      },
    );
    sent.on("error", reject);
    sent.end(call.body);
  });
}

/** Opens watches on a path, runs the work, and measures the events until each watch has had `expected`. */
export async function fanOut(
  target: Target,
  path: string,
  watches: number,
  expected: number,
  work: () => Promise<unknown>,
): Promise<{ events: number; per_s: number }> {
  const open = await Promise.all(Array.from({ length: watches }, () => openWatch(target, path, expected)));
  const began = performance.now();
  await work();
  await Promise.all(open.map((watch) => watch.done));
  const seconds = (performance.now() - began) / 1000;
  for (const watch of open) watch.close();
  return { events: watches * expected, per_s: Math.round((watches * expected) / seconds) };
}

function openWatch(
  target: Target,
  path: string,
  expected: number,
): Promise<{ done: Promise<void>; close: () => void }> {
  return new Promise((resolve, reject) => {
    const sent = request(target.server + path, { agent: target.agent, headers: target.headers }, (response) => {
      let seen = 0;
      const done = new Promise<void>((finish) => {
        response.on("data", (chunk: Buffer) => {
          for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) seen++;
          if (seen >= expected) finish();
        });
      });
      response.on("error", () => {});
      resolve({ done, close: () => sent.destroy() });
    });
    sent.on("error", reject);
    sent.end();
  });
}

export function round(value: number): number {
  return Math.round(value * 100) / 100;
}
