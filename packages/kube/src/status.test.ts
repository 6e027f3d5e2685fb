import { describe, expect, it } from "vitest";
import { fieldError, formatFieldError } from "./field-error.ts";
import { quote } from "./quote.ts";
import { isCode, StatusError, status, successStatus } from "./status.ts";

const deployments = { group: "apps", resource: "deployments" };
const pods = { group: "", resource: "pods" };

describe("API errors", () => {
  it("carry the whole Status body", () => {
    expect(status.notFound(deployments, "web").status).toEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: 'deployments.apps "web" not found',
      reason: "NotFound",
      details: { name: "web", group: "apps", kind: "deployments" },
      code: 404,
    });
    expect(JSON.stringify(status.notFound(pods, "a").status)).toBe(
      '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"pods \\"a\\" not found","reason":"NotFound","details":{"name":"a","kind":"pods"},"code":404}',
    );
    expect(successStatus({ name: "a", kind: "pods" })).toEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Success",
      details: { name: "a", kind: "pods" },
    });
  });

  const expired = status.resourceExpired("The resourceVersion for the provided list is too old.", "token");
  const texts: [StatusError, number, string, string][] = [
    [status.alreadyExists(pods, "a"), 409, "AlreadyExists", 'pods "a" already exists'],
    [
      status.generateNameConflict(pods, "a-x"),
      409,
      "AlreadyExists",
      'pods "a-x" already exists, the server was not able to generate a unique name for the object',
    ],
    [
      status.conflict(
        deployments,
        "web",
        "the object has been modified; please apply your changes to the latest version and try again",
      ),
      409,
      "Conflict",
      'Operation cannot be fulfilled on deployments.apps "web": the object has been modified; please apply your changes to the latest version and try again',
    ],
    [status.forbidden(pods, "a", "no"), 403, "Forbidden", 'pods "a" is forbidden: no'],
    [status.forbidden(pods, "", "no"), 403, "Forbidden", "pods is forbidden: no"],
    [status.forbidden({ group: "", resource: "" }, "", "no"), 403, "Forbidden", "forbidden: no"],
    [status.unauthorized(), 401, "Unauthorized", "Unauthorized"],
    [
      status.methodNotSupported(deployments, "patch"),
      405,
      "MethodNotAllowed",
      'patch is not supported on resources of kind "deployments.apps"',
    ],
    [
      status.notAcceptable(["application/json", "application/yaml"]),
      406,
      "NotAcceptable",
      "only the following media types are accepted: application/json, application/yaml",
    ],
    [
      status.unsupportedMediaType(["application/json"]),
      415,
      "UnsupportedMediaType",
      "the body of the request was in an unknown format - accepted media types include: application/json",
    ],
    [expired, 410, "Expired", "The resourceVersion for the provided list is too old."],
    [status.tooLargeResourceVersion(9, 5), 504, "Timeout", "Timeout: Too large resource version: 9, current: 5"],
    [status.internalError("boom"), 500, "InternalError", "Internal error occurred: boom"],
    [
      status.requestEntityTooLarge("limit is 3145728"),
      413,
      "RequestEntityTooLarge",
      "Request entity too large: limit is 3145728",
    ],
    [status.pathNotFound(), 404, "NotFound", "the server could not find the requested resource"],
    [status.tooManyRequests("slow down", 10), 429, "TooManyRequests", "slow down"],
    [
      status.serverTimeout(pods, "list", 2),
      500,
      "ServerTimeout",
      "The list operation against pods could not be completed at this time, please try again.",
    ],
  ];

  it.each(texts)("%s", (error, code, reason, message) => {
    expect(error).toBeInstanceOf(StatusError);
    expect([error.code, error.reason, error.message]).toEqual([code, reason, message]);
  });

  it("say when to try again, and how to go on", () => {
    expect(status.tooManyRequests("", 10).status.details).toEqual({ retryAfterSeconds: 10 });
    expect(expired.status.metadata).toEqual({ continue: "token" });
    expect(status.tooLargeResourceVersion(9, 5).status.details).toEqual({
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
      retryAfterSeconds: 1,
    });
  });

  it("of invalid objects join what is wrong, each once, and keep every cause", () => {
    const replicas = fieldError.invalid("spec.replicas", -1, "must be greater than or equal to 0");
    const kind = { group: "apps", kind: "Deployment" };
    expect(status.invalid(kind, "web", [replicas]).message).toBe(
      'Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    );
    const several = status.invalid(kind, "web", [replicas, fieldError.required("spec.selector"), replicas]);
    expect(several.message).toBe(
      'Deployment.apps "web" is invalid: [spec.replicas: Invalid value: -1: must be greater than or equal to 0, spec.selector: Required value]',
    );
    expect(several.status.details?.causes).toHaveLength(3);
    expect(several.status.details?.causes?.[1]).toEqual({
      reason: "FieldValueRequired",
      message: "Required value",
      field: "spec.selector",
    });
    expect(several.code).toBe(422);
  });

  it("are made of bare HTTP codes where the other side sent no Status", () => {
    expect(status.generic(503).message).toBe("the server is currently unable to handle the request");
    expect(status.generic(500, { serverMessage: "oops" }).message).toBe(
      'an error on the server ("oops") has prevented the request from succeeding',
    );
    expect(status.generic(409, { verb: "POST" }).reason).toBe("AlreadyExists");
    expect(status.generic(404, { verb: "GET", resource: pods, name: "a" }).message).toBe(
      "the server could not find the requested resource (get pods a)",
    );
    expect(status.generic(418).message).toBe(
      "the server responded with the status code 418 but did not return more information",
    );
  });
});

describe("field errors", () => {
  it.each([
    [fieldError.invalid("a", { c: 1, b: ["<"] }, "no"), 'a: Invalid value: {"b":["\\u003c"],"c":1}: no'],
    [fieldError.invalid("a", undefined, "no"), "a: Invalid value: null: no"],
    [fieldError.invalid("a", true, ""), "a: Invalid value: true"],
    [fieldError.invalid("a", 0.00001, ""), "a: Invalid value: 1e-05"],
    [fieldError.invalid("a", 9007199254740993n, ""), "a: Invalid value: 9007199254740993"],
    [fieldError.typeInvalid("a", "string", "x"), 'a: Invalid value: "string": x'],
    [fieldError.notSupported("a", "c", ["x", "y"]), 'a: Unsupported value: "c": supported values: "x", "y"'],
    [fieldError.duplicate("a[1]", "x"), 'a[1]: Duplicate value: "x"'],
    [fieldError.notFound("a", "x"), 'a: Not found: "x"'],
    [fieldError.forbidden("a", "no"), "a: Forbidden: no"],
    [fieldError.tooLong("a", 63), "a: Too long: may not be more than 63 bytes"],
    [fieldError.tooLong("a", 1), "a: Too long: may not be more than 1 byte"],
    [fieldError.tooMany("a", 3, 2), "a: Too many: 3: must have at most 2 items"],
    [fieldError.tooMany("a", -1, 1), "a: Too many: must have at most 1 item"],
    [fieldError.internal("a", "boom"), "a: Internal error: boom"],
    [fieldError.required("a", "why"), "a: Required value: why"],
  ])("%o reads %s", (error, text) => {
    expect(formatFieldError(error)).toBe(text);
  });

  it("quote text as Go does", () => {
    expect(quote('a"\\\n\t\x00\x7fé\u200b\u{1f600}\u2028\v\u00a0')).toBe(
      '"a\\"\\\\\\n\\t\\x00\\x7fé\\u200b\u{1f600}\\u2028\\v\\u00a0"',
    );
  });
});

describe("isCode", () => {
  const gone = status.notFound(pods, "p");
  it.each<[unknown, number[], boolean]>([
    [gone, [404], true],
    [gone, [409, 404], true],
    [gone, [409], false],
    [{ code: 404 }, [404], false],
    [undefined, [404], false],
  ])("of %o and %o is %o", (error, codes, expected) => {
    expect(isCode(error, ...codes)).toBe(expected);
  });
});
