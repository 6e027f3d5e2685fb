import { createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { systemClock } from "@podwright/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { directConnect } from "./connect.ts";
import { grpcProbe } from "./grpc-probe.ts";

let server: Http2Server;
let port: number;
/** What the server says of a service; "late": nothing. */
const answers: Record<string, { status?: number; code?: string; message?: string } | "late"> = {
  "": { status: 1 },
  sick: { status: 2 },
  none: { code: "12", message: "unknown service" },
  odd: { code: "5", message: "no%20such" },
  slow: "late",
};

beforeAll(async () => {
  server = createServer();
  server.on("stream", (stream) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const answer = answers[Buffer.concat(chunks).subarray(7).toString()];
      if (answer === undefined || answer === "late") return;
      const { status = 0, code = "0", message } = answer;
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () =>
        stream.sendTrailers({ "grpc-status": code, ...(message && { "grpc-message": message }) }),
      );
      stream.end(code === "0" ? Buffer.from([0, 0, 0, 0, 2, 8, status]) : Buffer.alloc(0));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => void server.close());

const probe = (service: string, at = port) =>
  grpcProbe("127.0.0.1", at, service, { connect: directConnect, clock: systemClock, timeoutMs: 1000 });

test("only a service that serves is healthy", async () => {
  expect(await probe("")).toEqual({ result: "success", output: "service healthy" });
  expect(await probe("sick")).toEqual({
    result: "failure",
    output: 'service unhealthy (responded with "NOT_SERVING")',
  });
});

test("a server that cannot tell is not healthy", async () => {
  const protocol = "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)";
  expect((await probe("none")).output).toBe(`${protocol}: unknown service`);
  const error = "error: health rpc probe failed: rpc error: code = NotFound desc = no such";
  expect((await probe("odd")).output).toBe(error);
});

test("no answer, and nobody there, are failures in time", async () => {
  expect((await probe("slow")).output).toBe("timeout: health rpc did not complete within 1s");
  expect((await probe("", 1)).output).toMatch(/^timeout: failed to connect service "127.0.0.1:1" within 1s: dial tcp/);
});
