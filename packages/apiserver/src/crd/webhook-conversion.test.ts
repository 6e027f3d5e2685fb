import type { KubeObject } from "@podwright/kube";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type ReceivedReview, startWebhookServer, type WebhookServer } from "../admission/testing/webhook-server.ts";
import type { WatchFrame } from "../request.ts";
import { type Answer, openTestServer, type TestServer } from "../testing/test-server.ts";

const group = "example.com";
const path = (version: string) => `/apis/${group}/${version}/namespaces/default/widgets`;
const fieldOf = (apiVersion: string) => (apiVersion === `${group}/v1` ? "size" : "capacity");

interface ConversionRequest {
  uid: string;
  desiredAPIVersion: string;
  objects: (KubeObject & { spec: { size?: number; capacity?: number } })[];
}

let api: TestServer;
let webhook: WebhookServer;
beforeEach(async () => {
  webhook = await startWebhookServer(convert);
  api = await openTestServer();
});
afterEach(async () => {
  await api.close();
  await webhook.close();
});

function convert({ review }: ReceivedReview) {
  if (review.kind === "AdmissionReview") return { response: { allowed: true } };
  const { uid, desiredAPIVersion, objects } = review.request as ConversionRequest;
  const convertedObjects = objects.map(({ spec, ...rest }) => ({
    ...rest,
    apiVersion: desiredAPIVersion,
    spec: { [fieldOf(desiredAPIVersion)]: spec.size ?? spec.capacity },
  }));
  const response = { uid, convertedObjects, result: { status: "Success" } };
  return { status: 200, body: JSON.stringify({ ...review, request: undefined, response }) };
}

async function define(clientConfig: object = { url: `${webhook.url}/convert`, caBundle: webhook.caBundle }) {
  const version = (name: string) => ({
    name,
    served: true,
    storage: name === "v1",
    schema: {
      openAPIV3Schema: {
        type: "object",
        properties: { spec: { type: "object", properties: { [fieldOf(`${group}/${name}`)]: { type: "integer" } } } },
      },
    },
  });
  const made = await api.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: "widgets", kind: "Widget" },
      versions: [version("v1"), version("v2")],
      conversion: { strategy: "Webhook", webhook: { clientConfig, conversionReviewVersions: ["v1"] } },
    },
  });
  expect(made.status).toBe(201);
  await vi.waitFor(async () => expect((await api.send("GET", path("v2"))).status).toBe(200), { timeout: 20_000 });
}

const create = (name: string, size: number) =>
  api.send("POST", path("v1"), {
    apiVersion: `${group}/v1`,
    kind: "Widget",
    metadata: { name, namespace: "default" },
    spec: { size },
  });

const requests = () => webhook.received.map(({ review }) => review.request as ConversionRequest);

function framesOf({ response }: Answer): AsyncIterator<WatchFrame> {
  if (response.body.type !== "watch") throw new Error(`no watch: ${response.status}`);
  return response.body.frames[Symbol.asyncIterator]();
}

async function nextFrame(frames: AsyncIterator<WatchFrame>): Promise<WatchFrame> {
  const { value, done } = await frames.next();
  if (done) throw new Error("the watch has ended");
  return value;
}

it("converts a list in one call", async () => {
  await define();
  for (const size of [1, 2, 3]) await create(`w${size}`, size);
  const { body } = await api.send("GET", path("v2"));
  expect(body.items.map(({ spec }: { spec: object }) => spec)).toEqual([
    { capacity: 1 },
    { capacity: 2 },
    { capacity: 3 },
  ]);
  expect(requests().map(({ objects }) => objects.length)).toEqual([3]);
});

it("asks nobody for the version that is stored", async () => {
  await define();
  await create("w", 1);
  await api.send("GET", path("v1"));
  await api.send("PATCH", `${path("v1")}/w`, { spec: { size: 2 } }, mergePatch);
  await api.send("DELETE", `${path("v1")}/w`);
  expect(requests()).toEqual([]);
});

it("asks once for all watchers of a version", async () => {
  await define();
  const watches = [];
  for (let count = 0; count < 3; count++) watches.push(framesOf(await api.send("GET", `${path("v2")}?watch=1`)));
  const seen = watches.map(nextFrame);
  await create("w", 1);
  for (const frame of await Promise.all(seen)) {
    expect([frame.type, frame.object()["spec"]]).toEqual(["ADDED", { capacity: 1 }]);
  }
  expect(requests()).toHaveLength(1);
  await Promise.all(watches.map((each) => each.return?.()));
});

it("converts initial events, in the form that the watcher wants", async () => {
  await define();
  await create("w", 1);
  const query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
  const headers = { accept: "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io" };
  const plain = framesOf(await api.send("GET", `${path("v2")}?${query}`));
  const partial = framesOf(await api.send("GET", `${path("v2")}?${query}`, undefined, { headers }));
  expect((await nextFrame(plain)).object()).toMatchObject({ apiVersion: `${group}/v2`, spec: { capacity: 1 } });
  expect((await nextFrame(plain)).type).toBe("BOOKMARK");
  expect((await nextFrame(partial)).object()).toMatchObject({ kind: "PartialObjectMetadata", metadata: { name: "w" } });
  expect((await nextFrame(partial)).type).toBe("BOOKMARK");
  await Promise.all([plain.return?.(), partial.return?.()]);
});

it("ends a watch whose events cannot be converted with an ERROR", async () => {
  await define({ url: "https://127.0.0.1:1" });
  const frames = framesOf(await api.send("GET", `${path("v2")}?watch=1`));
  const seen = nextFrame(frames);
  await create("w", 1);
  const error = await seen;
  expect(error.type).toBe("ERROR");
  expect(error.object()["message"]).toContain("conversion webhook for example.com/v1, Kind=Widget failed: ");
  expect((await frames.next()).done).toBe(true);
});

it("lets a client go whose event is being converted", async () => {
  await webhook.close();
  webhook = await startWebhookServer(() => undefined);
  await define();
  const gone = new AbortController();
  const frames = framesOf(await api.send("GET", `${path("v2")}?watch=1`, undefined, { signal: gone.signal }));
  const seen = frames.next();
  await create("w", 1);
  await vi.waitFor(() => expect(webhook.received).toHaveLength(1), { timeout: 20_000 });
  gone.abort();
  expect((await seen).done).toBe(true);
});

it("reaches a webhook by its Service", async () => {
  await webhook.close();
  webhook = await startWebhookServer(convert, ["hooks.default.svc"]);
  await api.send("POST", "/api/v1/namespaces/default/services", {
    metadata: { name: "hooks" },
    spec: { ports: [{ port: 443, targetPort: webhook.port }] },
  });
  // The API lets nobody name a loopback address.
  const subsets = [{ addresses: [{ ip: "127.0.0.1" }], ports: [{ port: webhook.port }] }];
  const encode = () => Buffer.from(JSON.stringify({ kind: "Endpoints", apiVersion: "v1", subsets }));
  await api.storage.write("//endpoints/default/hooks", () => ({ type: "put", encode }));
  await define({ service: { namespace: "default", name: "hooks", path: "/convert" }, caBundle: webhook.caBundle });
  await create("w", 1);
  const { body } = await api.send("GET", `${path("v2")}/w`);
  expect([body.message, body.spec]).toEqual([undefined, { capacity: 1 }]);
  expect(webhook.received[0]?.url).toBe("/convert?timeout=30s");
});

it("shows admission the version it knows", async () => {
  await define();
  const registration = "/apis/admissionregistration.k8s.io/v1";
  const rule = { operations: ["CREATE"], apiGroups: [group], apiVersions: ["v2"], resources: ["widgets"] };
  await api.send("POST", `${registration}/validatingwebhookconfigurations`, {
    metadata: { name: "w" },
    webhooks: [
      {
        name: "w.example.com",
        clientConfig: { url: webhook.url, caBundle: webhook.caBundle },
        rules: [rule],
        matchConditions: [{ name: "c", expression: "object.spec.capacity == 3" }],
        sideEffects: "None",
        admissionReviewVersions: ["v1"],
      },
    ],
  });
  await api.send("POST", `${registration}/validatingadmissionpolicies`, {
    metadata: { name: "p" },
    spec: { matchConstraints: { resourceRules: [rule] }, validations: [{ expression: "object.spec.capacity < 5" }] },
  });
  await api.send("POST", `${registration}/validatingadmissionpolicybindings`, {
    metadata: { name: "b" },
    spec: { policyName: "p", validationActions: ["Deny"] },
  });
  expect((await create("a", 3)).status).toBe(201);
  const seen = webhook.received.filter(({ review }) => review.kind === "AdmissionReview");
  expect(seen.map(({ review }) => review.request.object.spec)).toEqual([{ capacity: 3 }]);
  const refused = await create("b", 7);
  expect([refused.status, refused.body.message]).toEqual([422, expect.stringContaining("object.spec.capacity < 5")]);
  expect((await create("c", 1)).status).toBe(201);
});

it("does not stand in the way of the deletion of its definition", async () => {
  await define({ url: "https://127.0.0.1:1" });
  await create("w", 1);
  const definition = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.${group}`;
  await api.send("DELETE", definition);
  await vi.waitFor(async () => expect((await api.send("GET", definition)).status).toBe(404), { timeout: 20_000 });
});

const mergePatch = { headers: { "content-type": "application/merge-patch+json" } };
