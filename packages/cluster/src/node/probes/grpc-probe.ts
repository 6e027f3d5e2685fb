/** grpc.health.v1.Health/Check, by hand: one call, one field each way (k8s.io/kubernetes/pkg/probe/grpc). */
import type { ClientHttp2Session, IncomingHttpHeaders } from "node:http2";
import type { Clock } from "@podwright/client";
import { formatDuration } from "../back-off.ts";
import { type Connect, dialProblem } from "./connect.ts";
import type { ProbeOutcome } from "./probe-outcome.ts";

const unimplemented = 12;
const codeNames = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
];
const statusNames = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];

export interface GrpcProbeOptions {
  connect: Connect;
  clock: Clock;
  timeoutMs: number;
}

export async function grpcProbe(
  host: string,
  port: number,
  service: string,
  { connect, clock, timeoutMs }: GrpcProbeOptions,
): Promise<ProbeOutcome> {
  const address = `${host}:${port}`;
  const within = formatDuration(timeoutMs);
  const ended = new AbortController();
  const late = Promise.withResolvers<undefined>();
  const timer = clock.after(timeoutMs, () => late.resolve(undefined));
  let session: ClientHttp2Session | undefined;
  const failure = (output: string): ProbeOutcome => ({ result: "failure", output });
  try {
    const socket = await Promise.race([connect(host, port, ended.signal), late.promise]);
    if (socket === undefined) {
      return failure(
        `timeout: failed to connect service ${JSON.stringify(address)} within ${within}: context deadline exceeded`,
      );
    }
    const http2 = await import("node:http2");
    session = http2.connect(`http://${address}`, { createConnection: () => socket });
    const answer = await Promise.race([check(session, service), late.promise]);
    if (answer === undefined) return failure(`timeout: health rpc did not complete within ${within}`);
    const { code, message, status } = answer;
    if (code === unimplemented) {
      const text = "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)";
      return failure(`${text}: ${message}`);
    }
    if (code !== 0) {
      const text = `rpc error: code = ${codeNames[code] ?? `Code(${code})`} desc = ${message}`;
      return failure(`error: health rpc probe failed: ${text}`);
    }
    if (status !== 1) return failure(`service unhealthy (responded with ${JSON.stringify(statusNames[status])})`);
    return { result: "success", output: "service healthy" };
  } catch (error) {
    const text = dialProblem(error, address);
    return failure(`timeout: failed to connect service ${JSON.stringify(address)} within ${within}: ${text}`);
  } finally {
    timer.cancel();
    session?.destroy();
    ended.abort();
  }
}

function check(
  session: ClientHttp2Session,
  service: string,
): Promise<{ code: number; message: string; status: number }> {
  return new Promise((resolve, reject) => {
    session.on("error", reject);
    const call = session.request({
      ":method": "POST",
      ":path": "/grpc.health.v1.Health/Check",
      "content-type": "application/grpc",
      "user-agent": "kube-probe/1.35",
      te: "trailers",
    });
    const name = Buffer.from(service);
    const request = service === "" ? Buffer.alloc(0) : Buffer.concat([Buffer.from([10, name.length]), name]);
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(request.length, 1);
    const chunks: Buffer[] = [];
    let told: IncomingHttpHeaders = {};
    call.on("response", (headers) => Object.assign(told, headers));
    call.on("trailers", (trailers) => {
      told = { ...told, ...trailers };
    });
    call.on("data", (chunk: Buffer) => chunks.push(chunk));
    call.on("error", reject);
    call.on("end", () => {
      const body = Buffer.concat(chunks).subarray(5);
      const code = Number(told["grpc-status"] ?? 2);
      const message = decodeURIComponent(String(told["grpc-message"] ?? ""));
      // Field 1 as a varint; a status of 0 is not sent.
      resolve({ code, message, status: body[0] === 8 ? (body[1] ?? 0) : 0 });
    });
    call.end(Buffer.concat([prefix, request]));
  });
}
