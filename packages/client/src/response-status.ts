import type { Status } from "@podwright/kube";
import { StatusError } from "@podwright/kube/status";
import { isProtobuf } from "./protobuf-watch.ts";
import type { TransportResponse } from "./transport.ts";

const reasons: Record<number, string> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  406: "NotAcceptable",
  409: "Conflict",
  410: "Gone",
  413: "RequestEntityTooLarge",
  415: "UnsupportedMediaType",
  422: "Invalid",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

/**
 * The error of an answer with a status of 400 or more. A body that is a Status is taken as it is; anything
 * else (a proxy's page, an aggregated server's text) becomes a Status with the reason of its code, as
 * client-go does (k8s.io/apimachinery/pkg/api/errors/errors.go, NewGenericServerResponse).
 * `cause` tells the request.
 */
export async function responseError(method: string, path: string, response: TransportResponse): Promise<StatusError> {
  let text = "";
  let body: unknown;
  try {
    if (isProtobuf(response)) body = await protobufBody(response);
    else {
      text = await response.text();
      body = JSON.parse(text);
    }
  } catch {
    // Not what it says it is, or cut short: what there is of the text is the message.
  }
  const status = isStatus(body) ? body : wrapped(method, path, response, text);
  const error = new StatusError(status.code === undefined ? { ...status, code: response.status } : status);
  error.cause = { method, path };
  return error;
}

/** Whether a value is a meta/v1 Status, as in error bodies, answers to DELETE and ERROR events. */
export function isStatus(value: unknown): value is Status {
  return typeof value === "object" && value !== null && (value as Status).kind === "Status" && "status" in value;
}

/** Who asks for a watch in protobuf is refused in it, too. */
async function protobufBody(response: TransportResponse): Promise<unknown> {
  const { decodeProtobuf } = await import("@podwright/kube/protobuf");
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.chunks()) chunks.push(chunk);
  return decodeProtobuf(Buffer.concat(chunks)).object;
}

function wrapped(method: string, path: string, response: TransportResponse, text: string): Status {
  const retryAfter = Number(response.headers["retry-after"]);
  const said = text.trim().slice(0, 1024);
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: said === "" ? `the server answered ${method} ${path} with HTTP ${response.status}` : said,
    reason: reasons[response.status] ?? (response.status >= 500 ? "InternalError" : "Unknown"),
    ...(retryAfter > 0 ? { details: { retryAfterSeconds: retryAfter } } : {}),
    code: response.status,
  };
}
