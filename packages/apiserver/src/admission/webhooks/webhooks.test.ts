import type { KubeObject, StatusError } from "@podwright/kube";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AdmissionFixture, openAdmission, type PartialAttributes } from "../testing/admission-fixture.ts";
import { type Answer, patchResponse, startWebhookServer, type WebhookServer } from "../testing/webhook-server.ts";

let admission: AdmissionFixture;
let server: WebhookServer;
let answers: Record<string, Answer | ((review: { request: KubeObject["any"] }) => Answer)>;

beforeEach(async () => {
  answers = {};
  admission = await openAdmission();
  server = await startWebhookServer(({ url, review }) => {
    const answer = answers[url.slice(1).split("?")[0] ?? ""];
    return typeof answer === "function" ? answer(review) : (answer ?? { response: { allowed: true } });
  });
});

afterEach(async () => {
  await admission[Symbol.asyncDispose]();
  await server.close();
});

interface Hook {
  name?: string;
  path?: string;
  [field: string]: unknown;
}

function webhook({ name = "w.example.com", path = "x", ...rest }: Hook): Record<string, unknown> {
  return {
    name,
    clientConfig: { url: `${server.url}/${path}`, caBundle: server.caBundle },
    rules: [{ operations: ["*"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] }],
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
    timeoutSeconds: 5,
    failurePolicy: "Fail",
    matchPolicy: "Equivalent",
    ...rest,
  };
}

async function configure(kind: "Mutating" | "Validating", hooks: Hook[], name = "hooks"): Promise<void> {
  await admission.put({
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: `${kind}WebhookConfiguration`,
    metadata: { name },
    webhooks: hooks.map(webhook),
  });
}

function configMap(metadata: Record<string, unknown> = {}): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c", namespace: "default", ...metadata }, data: {} };
}

async function mutate(partial: PartialAttributes = { object: configMap() }) {
  const attributes = admission.attributes(partial);
  await admission.chain.mutate(attributes);
  return attributes;
}

async function failure(promise: Promise<unknown>): Promise<StatusError["status"]> {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  return (error as StatusError).status;
}

const asked = () => server.received.map(({ url }) => url.slice(1).split("?")[0]);

describe("a review", () => {
  it("is what kube-apiserver sends", async () => {
    await configure("Mutating", [{}]);
    await mutate({ object: configMap(), dryRun: true });
    const [received] = server.received;
    expect(received?.url).toBe("/x?timeout=5s");
    expect(received?.headers).toMatchObject({
      accept: "application/json, */*",
      "content-type": "application/json",
      "user-agent": "kube-apiserver-admission",
    });
    const kind = { group: "", version: "v1", kind: "ConfigMap" };
    const resource = { group: "", version: "v1", resource: "configmaps" };
    expect(received?.review).toEqual({
      kind: "AdmissionReview",
      apiVersion: "admission.k8s.io/v1",
      request: {
        uid: expect.stringMatching(/^[\da-f-]{36}$/),
        kind,
        resource,
        requestKind: kind,
        requestResource: resource,
        name: "c",
        namespace: "default",
        operation: "CREATE",
        userInfo: { username: "jane", uid: "1", groups: ["dev", "system:authenticated"] },
        object: configMap(),
        oldObject: null,
        dryRun: true,
        options: { kind: "CreateOptions", apiVersion: "meta.k8s.io/v1" },
      },
    });
  });

  it("names the kind of a subresource, and a Namespace as its own namespace", async () => {
    const rules = [{ operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*/*"] }];
    await configure("Mutating", [{ rules }]);
    const scale: KubeObject = {
      apiVersion: "autoscaling/v1",
      kind: "Scale",
      metadata: { name: "d", namespace: "default" },
      spec: { replicas: 2 },
    };
    await mutate({ resource: "apps/v1/deployments", subresource: "scale", operation: "UPDATE", object: scale });
    const namespace: KubeObject = { apiVersion: "v1", kind: "Namespace", metadata: { name: "n" } };
    await mutate({ resource: "v1/namespaces", object: namespace });
    const [first, second] = server.received.map(({ review }) => review.request);
    expect(first).toMatchObject({
      kind: { group: "autoscaling", version: "v1", kind: "Scale" },
      subResource: "scale",
      requestSubResource: "scale",
    });
    expect(second).toMatchObject({ name: "n", namespace: "n" });
  });

  it("is v1beta1 when that is the first version the webhook knows", async () => {
    await configure("Mutating", [{ admissionReviewVersions: ["v2", "v1beta1", "v1"] }]);
    await mutate();
    expect(server.received[0]?.review.apiVersion).toBe("admission.k8s.io/v1beta1");
  });
});

describe("which webhooks are asked", () => {
  it("is decided by rules", async () => {
    const rule = (fields: Record<string, unknown>) => ({
      operations: ["CREATE"],
      apiGroups: [""],
      apiVersions: ["v1"],
      resources: ["configmaps"],
      ...fields,
    });
    await configure("Mutating", [
      {
        name: "all.example.com",
        path: "all",
        rules: [rule({ apiGroups: ["*"], apiVersions: ["*"], resources: ["*"] })],
      },
      { name: "op.example.com", path: "other-operation", rules: [rule({ operations: ["UPDATE"] })] },
      { name: "group.example.com", path: "other-group", rules: [rule({ apiGroups: ["apps"] })] },
      { name: "sub.example.com", path: "subresource", rules: [rule({ resources: ["configmaps/status"] })] },
      { name: "scope.example.com", path: "cluster-scope", rules: [rule({ scope: "Cluster" })] },
      { name: "ns.example.com", path: "namespaced", rules: [rule({ scope: "Namespaced" })] },
      { name: "second.example.com", path: "second-rule", rules: [rule({ resources: ["pods"] }), rule({})] },
    ]);
    await mutate();
    expect(asked()).toEqual(["all", "namespaced", "second-rule"]);
  });

  it("is decided by selectors: of the namespace, and of the new or the old object", async () => {
    const expression = { key: "team", operator: "In", values: ["b"] };
    await configure("Mutating", [
      { path: "ns", namespaceSelector: { matchLabels: { team: "a" } } },
      { path: "other-ns", namespaceSelector: { matchExpressions: [expression] } },
      { path: "object", objectSelector: { matchLabels: { app: "x" } } },
      { path: "other-object", objectSelector: { matchLabels: { app: "z" } } },
      { path: "empty", objectSelector: {}, namespaceSelector: {} },
    ]);
    await mutate({ object: configMap({ labels: { app: "x" } }) });
    expect(asked()).toEqual(["ns", "object", "empty"]);
    server.received.length = 0;
    await mutate({ operation: "UPDATE", object: configMap(), oldObject: configMap({ labels: { app: "z" } }) });
    expect(asked()).toEqual(["ns", "other-object", "empty"]);
  });

  it("goes by the name of the configuration, then by its order", async () => {
    await configure("Mutating", [{ path: "b1" }, { path: "b2" }], "b");
    await configure("Mutating", [{ path: "a1" }], "a");
    await mutate();
    expect(asked()).toEqual(["a1", "b1", "b2"]);
  });

  it("never is one about the configurations themselves", async () => {
    const rules = [{ operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*"] }];
    await configure("Mutating", [{ rules }]);
    await configure("Validating", [{ rules }]);
    const object: KubeObject = {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "MutatingWebhookConfiguration",
      metadata: { name: "m" },
    };
    const resource = "admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
    await admission.chain.validate(await mutate({ resource, object }));
    expect(asked()).toEqual([]);
  });

  it("is another version's webhook with matchPolicy Equivalent", async () => {
    const rules = [{ operations: ["*"], apiGroups: ["autoscaling"], apiVersions: ["v2"], resources: ["*"] }];
    await configure("Mutating", [
      { path: "equivalent", rules },
      { path: "exact", rules, matchPolicy: "Exact" },
    ]);
    const object: KubeObject = {
      apiVersion: "autoscaling/v1",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "h", namespace: "default" },
      spec: { scaleTargetRef: { kind: "Deployment", name: "d" }, maxReplicas: 3, targetCPUUtilizationPercentage: 50 },
      status: { currentReplicas: 0, desiredReplicas: 0 },
    };
    answers["equivalent"] = { response: patchResponse([{ op: "replace", path: "/spec/maxReplicas", value: 9 }]) };
    const attributes = await mutate({ resource: "autoscaling/v1/horizontalpodautoscalers", object });
    expect(asked()).toEqual(["equivalent"]);
    expect(server.received[0]?.review.request).toMatchObject({
      kind: { version: "v2" },
      resource: { version: "v2" },
      requestKind: { version: "v1" },
      requestResource: { version: "v1" },
      object: { apiVersion: "autoscaling/v2", spec: { metrics: [{ type: "Resource" }] } },
    });
    expect(attributes.object).toMatchObject({
      apiVersion: "autoscaling/v1",
      spec: { maxReplicas: 9, targetCPUUtilizationPercentage: 50 },
    });
  });
});

describe("mutating webhooks", () => {
  it("change the object one after the other, and what they leave is decoded and defaulted", async () => {
    answers["one"] = { response: patchResponse([{ op: "add", path: "/metadata/labels", value: { a: "1" } }]) };
    answers["two"] = ({ request }) => ({
      response: patchResponse([
        { op: "add", path: "/metadata/labels/b", value: request.object.metadata.labels.a },
        { op: "add", path: "/unknown", value: true },
      ]),
    });
    await configure("Mutating", [{ path: "one" }, { path: "two" }]);
    const { object } = await mutate();
    expect(object?.metadata.labels).toEqual({ a: "1", b: "1" });
    expect(object).not.toHaveProperty("unknown");
  });

  it("see the in-tree plugins' work, and what they add goes through those plugins again", async () => {
    await admission.put({
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "default", namespace: "default" },
    });
    answers["sidecar"] = {
      response: patchResponse([{ op: "add", path: "/spec/containers/-", value: { name: "s", image: "s:1" } }]),
    };
    const rules = [{ operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"] }];
    await configure("Mutating", [{ path: "sidecar", rules }]);
    const object: KubeObject = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", namespace: "default" },
      spec: { containers: [{ name: "c", image: "i" }] },
    };
    const attributes = await mutate({ resource: "v1/pods", object });
    expect(asked()).toEqual(["sidecar"]);
    expect(server.received[0]?.review.request.object.spec.serviceAccountName).toBe("default");
    const [, sidecar] = attributes.object?.["spec"].containers ?? [];
    expect(sidecar).toMatchObject({
      imagePullPolicy: "IfNotPresent",
      volumeMounts: [{ name: "kube-api-access-abcde" }],
    });
  });

  it("are asked again after a later change, when they want to be", async () => {
    let calls = 0;
    answers["late"] = () => ({
      response: calls++ > 0 ? { allowed: true } : patchResponse([{ op: "add", path: "/data", value: { k: "v" } }]),
    });
    await configure("Mutating", [
      { path: "needed", reinvocationPolicy: "IfNeeded" },
      { path: "never" },
      { path: "late", reinvocationPolicy: "IfNeeded" },
    ]);
    await mutate();
    expect(asked()).toEqual(["needed", "never", "late", "needed"]);
  });

  it("may not change what is being deleted", async () => {
    answers["x"] = { response: patchResponse([{ op: "add", path: "/data", value: {} }]) };
    await configure("Mutating", [{}]);
    const status = await failure(mutate({ operation: "DELETE", oldObject: configMap() }));
    expect(status).toMatchObject({
      code: 500,
      message:
        'Internal error occurred: admission webhook "w.example.com" attempted to modify the object, which is not supported for this operation',
    });
  });
});

describe("a patch with a number beyond 2^53", () => {
  it("sets that number and no other", async () => {
    await admission.put({
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "default", namespace: "default" },
    });
    const securityContext = '{"runAsUser":9007199254740993}';
    const patch = `[{"op":"add","path":"/spec/securityContext","value":${securityContext}}]`;
    answers["x"] = {
      response: { allowed: true, patchType: "JSONPatch", patch: Buffer.from(patch).toString("base64") },
    };
    await configure("Mutating", [
      { rules: [{ operations: ["*"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"] }] },
    ]);
    const object = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", namespace: "default" },
      spec: { containers: [{ name: "c", image: "i" }] },
    };
    const { object: mutated } = await mutate({ resource: "v1/pods", object });
    expect(mutated?.["spec"].securityContext.runAsUser).toBe(9007199254740993n);
  });
});

describe("validating webhooks", () => {
  it("are all asked, and the first refusal counts", async () => {
    answers["no"] = { response: { allowed: false, status: { message: "not today", code: 403 } } };
    await configure("Validating", [{ path: "yes" }, { path: "no" }, { path: "maybe" }]);
    const status = await failure(admission.chain.validate(admission.attributes({ object: configMap() })));
    expect(status?.message).toBe('admission webhook "w.example.com" denied the request: not today');
    expect(asked().sort()).toEqual(["maybe", "no", "yes"]);
  });

  it("may not answer with a patch", async () => {
    answers["x"] = { response: patchResponse([]) };
    await configure("Validating", [{}]);
    const status = await failure(admission.chain.validate(admission.attributes({ object: configMap() })));
    expect(status?.message).toBe(
      'Internal error occurred: failed calling webhook "w.example.com": received invalid webhook response: validating webhook may not return response.patch',
    );
  });
});

describe("denials", () => {
  const cases: [string, Record<string, unknown>, Record<string, unknown>][] = [
    ["without explanation", {}, { code: 400, message: "denied the request without explanation" }],
    [
      "a message",
      { status: { message: "m", code: 403, reason: "Forbidden" } },
      { code: 403, reason: "Forbidden", message: "denied the request: m" },
    ],
    [
      "a reason",
      { status: { reason: "Because" } },
      { code: 400, reason: "Because", message: "denied the request: Because" },
    ],
    ["a code below 400", { status: { code: 200, status: "Success" } }, { code: 400, status: "Failure" }],
  ];
  it.each(cases)("carry the webhook's status: %s", async (_, response, expected) => {
    answers["x"] = { response: { allowed: false, ...response } };
    await configure("Mutating", [{}]);
    const { message, ...rest } = expected;
    const status = await failure(mutate());
    expect(status).toMatchObject(rest);
    if (message !== undefined) expect(status?.message).toBe(`admission webhook "w.example.com" ${message}`);
  });
});

describe("warnings", () => {
  it("reach the client", async () => {
    answers["x"] = { response: { allowed: true, warnings: ["careful"] } };
    await configure("Mutating", [{}]);
    const attributes = await mutate();
    expect(attributes.warnings).toEqual(["careful"]);
  });
});

describe("an answer of another shape", () => {
  const cases: [string, Record<string, unknown>, string][] = [
    [
      "a code that is no number",
      { allowed: false, status: { code: "abc" } },
      "string into Go struct field AdmissionResponse.response.status.code",
    ],
    [
      "a warning that is no text",
      { allowed: true, warnings: [5] },
      "number into Go struct field AdmissionResponse.response.warnings",
    ],
  ];
  it.each(cases)("counts as a failed call: %s", async (_, response, problem) => {
    answers["x"] = { response };
    await configure("Mutating", [{}]);
    expect(await failure(mutate())).toMatchObject({
      code: 500,
      message: `Internal error occurred: failed calling webhook "w.example.com": failed to call webhook: json: cannot unmarshal ${problem}`,
    });
  });

  it("has no warning where it is null", async () => {
    answers["x"] = { response: { allowed: true, warnings: [null, "w"] } };
    await configure("Mutating", [{}]);
    expect((await mutate()).warnings).toEqual(["w"]);
  });
});

describe("dry runs", () => {
  it("are refused for webhooks with side effects, whatever the failure policy", async () => {
    await configure("Mutating", [{ sideEffects: "Some", failurePolicy: "Ignore" }]);
    const status = await failure(mutate({ object: configMap(), dryRun: true }));
    expect(status).toMatchObject({
      code: 400,
      reason: "BadRequest",
      message: 'admission webhook "w.example.com" does not support dry run',
    });
    expect(asked()).toEqual([]);
  });
});

/** Texts recorded from kube-apiserver 1.35.4. */
const callFailures: [string, Answer, string][] = [
  ["no response", { response: undefined }, "received invalid webhook response: webhook response was absent"],
  [
    "another uid",
    { response: { uid: "zz", allowed: true } },
    'received invalid webhook response: expected response.uid="UID", got "zz"',
  ],
  [
    "a patch without its type",
    { response: { allowed: true, patch: "W10=" } },
    "received invalid webhook response: webhook returned response.patch but not response.patchType",
  ],
  [
    "a type without its patch",
    { response: { allowed: true, patchType: "JSONPatch" } },
    "received invalid webhook response: webhook returned response.patchType but not response.patch",
  ],
  [
    "another type of patch",
    { response: { allowed: true, patchType: "Merge", patch: "W3sib3AiOiJhZGQifV0=" } },
    'unsupported patch type "Merge"',
  ],
  [
    "broken base64",
    { response: { allowed: true, patchType: "JSONPatch", patch: "!!!" } },
    "failed to call webhook: illegal base64 data at input byte 0",
  ],
  [
    "an empty body",
    { status: 200, body: "" },
    "failed to call webhook: 0-length response with status code: 200 and content type: application/json",
  ],
  [
    "no kind",
    { status: 200, body: '{"response":{"uid":"UID","allowed":true}}' },
    "received invalid webhook response: expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got /, Kind=",
  ],
  [
    "the other version",
    { status: 200, body: '{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview"}' },
    "failed to call webhook: converting (v1beta1.AdmissionReview) to (v1.AdmissionReview): unknown conversion",
  ],
  [
    "500",
    { status: 500, body: "boom" },
    'failed to call webhook: an error on the server ("unknown") has prevented the request from succeeding',
  ],
  [
    "500 with a text",
    { status: 500, body: "boom\n", contentType: "text/plain; charset=utf-8" },
    'failed to call webhook: an error on the server ("boom") has prevented the request from succeeding',
  ],
  ["404", { status: 404, body: "" }, "failed to call webhook: the server could not find the requested resource"],
  ["403", { status: 403, body: "no" }, "failed to call webhook: unknown"],
  ["400", { status: 400, body: "no" }, "failed to call webhook: the server rejected our request for an unknown reason"],
  [
    "a Status",
    { status: 500, body: '{"kind":"Status","apiVersion":"v1","status":"Failure","message":"custom","code":500}' },
    "failed to call webhook: custom",
  ],
  ["a closed connection", { disconnect: true }, 'failed to call webhook: Post "URL/x?timeout=5s": EOF'],
];

describe("a call that fails", () => {
  it.each(callFailures)("refuses the request with failurePolicy Fail: %s", async (_, answer, text) => {
    answers["x"] = ({ request }) =>
      answer !== undefined && "body" in answer ? { ...answer, body: answer.body.replace("UID", request.uid) } : answer;
    await configure("Mutating", [{}]);
    const status = await failure(mutate());
    const uid = server.received[0]?.review.request.uid;
    const message = `failed calling webhook "w.example.com": ${text.replace("UID", uid).replace("URL", server.url)}`;
    expect(status).toEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: `Internal error occurred: ${message}`,
      reason: "InternalError",
      details: { causes: [{ message }] },
      code: 500,
    });
  });

  it.each(callFailures)("lets the request through with failurePolicy Ignore: %s", async (_, answer) => {
    answers["x"] = answer;
    await configure("Mutating", [{ failurePolicy: "Ignore" }, { path: "next" }]);
    await mutate();
    expect(asked()).toContain("next");
  });

  it("says why there is no connection", async () => {
    const port = server.port;
    await configure("Mutating", [{}]);
    await server.close();
    expect((await failure(mutate()))?.message).toBe(
      `Internal error occurred: failed calling webhook "w.example.com": failed to call webhook: Post "${server.url}/x?timeout=5s": dial tcp 127.0.0.1:${port}: connect: connection refused`,
    );
  });

  it("ends at the time-out", async () => {
    answers["x"] = () => undefined;
    await configure("Mutating", [{ timeoutSeconds: 1 }]);
    expect((await failure(mutate()))?.message).toBe(
      `Internal error occurred: failed calling webhook "w.example.com": failed to call webhook: Post "${server.url}/x?timeout=1s": context deadline exceeded`,
    );
  });

  it("says what is wrong with the certificate", async () => {
    const tls = `failed to call webhook: Post "${server.url}/x?timeout=5s": tls: failed to verify certificate: x509`;
    await configure("Mutating", [{ clientConfig: { url: `${server.url}/x` } }]);
    expect((await failure(mutate()))?.message).toContain(`${tls}: certificate signed by unknown authority`);

    const url = `https://localhost:${server.port}/x`;
    await configure("Mutating", [{ clientConfig: { url, caBundle: server.caBundle } }]);
    expect((await failure(mutate()))?.message).toContain(
      `Post "${url}?timeout=5s": tls: failed to verify certificate: x509: certificate is not valid for any names, but wanted to match localhost`,
    );
  });

  it("names a patch that cannot be read or applied", async () => {
    const patch = Buffer.from("{nope").toString("base64");
    answers["x"] = { response: { allowed: true, patchType: "JSONPatch", patch } };
    await configure("Mutating", [{}]);
    expect((await failure(mutate()))?.message).toContain("received undecodable patch in webhook response: ");
    answers["x"] = { response: patchResponse([{ op: "test", path: "/metadata/name", value: "zz" }]) };
    expect((await failure(mutate()))?.message).toBe(
      "Internal error occurred: testing value /metadata/name failed: test failed",
    );
    answers["x"] = { response: patchResponse([{ op: "add", path: "/data", value: { a: 1 } }]) };
    expect((await failure(mutate()))?.message).toBe(
      "Internal error occurred: json: cannot unmarshal number into Go struct field ConfigMap.data of type string",
    );
  });

  it("is asked only when its match conditions hold", async () => {
    const when = (...expressions: string[]) =>
      configure("Mutating", [{ matchConditions: expressions.map((expression, i) => ({ name: `c${i}`, expression })) }]);
    await when("object.metadata.name != 'zz'", "request.operation == 'CREATE'", "oldObject == null");
    await mutate();
    expect(asked()).toHaveLength(1);
    await when("object.missing == 1", "false");
    await mutate();
    expect(asked()).toHaveLength(1);
  });

  it("goes by failurePolicy when a match condition fails", async () => {
    const matchConditions = [
      { name: "c", expression: "object.missing.more == 1" },
      { name: "d", expression: "true" },
    ];
    await configure("Mutating", [{ matchConditions }]);
    expect(await failure(mutate())).toMatchObject({
      code: 403,
      message: expect.stringContaining("expression 'object.missing.more == 1' resulted in error: no such key: missing"),
    });
    await configure("Mutating", [{ matchConditions, failurePolicy: "Ignore" }]);
    await mutate();
    expect(asked()).toEqual([]);
  });
});

describe("connections", () => {
  it("are kept between requests, and opened again when the webhook has closed them", async () => {
    await configure("Mutating", [{}]);
    for (let i = 0; i < 20; i++) await mutate();
    expect(server.connections).toBe(1);
  });

  it("follow the configuration", async () => {
    await configure("Mutating", [{ path: "one" }]);
    await mutate();
    await configure("Mutating", [{ path: "two" }]);
    await mutate();
    expect(asked()).toEqual(["one", "two"]);
  });
});

describe("a webhook given by Service", () => {
  const service: KubeObject = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "hooks", namespace: "default" },
    spec: { type: "ClusterIP", ports: [{ name: "https", port: 443, targetPort: 9443 }] },
  };
  const byService = () => ({
    clientConfig: {
      service: { namespace: "default", name: "hooks", path: "/s", port: 443 },
      caBundle: server.caBundle,
    },
  });
  const post = 'failed to call webhook: Post "https://hooks.default.svc:443/s?timeout=5s": ';

  beforeEach(async () => {
    await server.close();
    server = await startWebhookServer(() => ({ response: { allowed: true } }), ["hooks.default.svc"]);
  });

  it("is reached at a ready endpoint, and its certificate is the Service's", async () => {
    await admission.put(service);
    await admission.put({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "hooks-1", namespace: "default", labels: { "kubernetes.io/service-name": "hooks" } },
      addressType: "IPv4",
      ports: [{ name: "https", port: server.port }],
      endpoints: [
        { addresses: ["127.0.0.9"], conditions: { ready: false } },
        { addresses: ["127.0.0.1"], conditions: { ready: true } },
      ],
    });
    await configure("Mutating", [byService()]);
    await mutate();
    expect(server.received.map(({ url }) => url)).toEqual(["/s?timeout=5s"]);
  });

  it("is reached by Endpoints when there are no slices", async () => {
    await admission.put(service);
    const subsets = [{ addresses: [{ ip: "127.0.0.1" }], ports: [{ name: "https", port: server.port }] }];
    const metadata = { name: "hooks", namespace: "default" };
    await admission.put({ apiVersion: "v1", kind: "Endpoints", metadata, subsets });
    await configure("Mutating", [byService()]);
    await mutate();
    expect(server.received).toHaveLength(1);
  });

  it("fails clearly without Service, port, or endpoint", async () => {
    await configure("Mutating", [byService()]);
    const message = async () => (await failure(mutate()))?.message;
    expect(await message()).toContain(`${post}service "hooks" not found`);
    await admission.put(service);
    expect(await message()).toContain(`${post}no endpoints available for service "hooks"`);
    await admission.put({ ...service, spec: { type: "ClusterIP", ports: [{ port: 80 }] } });
    expect(await message()).toContain(`${post}no service port 443 found for service "hooks"`);
  });
});
