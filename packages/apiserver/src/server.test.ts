import type { KubeObject } from "@podwright/kube";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { patchResponse, startWebhookServer } from "./admission/testing/webhook-server.ts";
import type { WatchFrame } from "./request.ts";
import { type Answer, openTestServer, type TestServer } from "./testing/test-server.ts";

let api: TestServer;
beforeAll(async () => {
  api = await openTestServer();
});
afterAll(() => api.close());

const configMaps = "/api/v1/namespaces/default/configmaps";
const mergePatch = { headers: { "content-type": "application/merge-patch+json" } };
const jsonPatch = { headers: { "content-type": "application/json-patch+json" } };

async function create(name: string, rest: object = {}): Promise<Answer> {
  return await api.send("POST", configMaps, { metadata: { name, ...rest } });
}

function frames(answer: Answer): AsyncIterator<WatchFrame> {
  if (answer.response.body.type !== "watch") throw new Error(`no watch: ${JSON.stringify(answer.body)}`);
  return answer.response.body.frames[Symbol.asyncIterator]();
}

async function nextFrame(iterator: AsyncIterator<WatchFrame>): Promise<WatchFrame> {
  const { value, done } = await iterator.next();
  if (done) throw new Error("the watch has ended");
  return value;
}

describe("writes", () => {
  it("generates names that differ", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => api.send("POST", configMaps, { metadata: { generateName: "gen-" } })),
    );
    const names = answers.map(({ body }) => body.metadata.name);
    expect(new Set(names).size).toBe(20);
    for (const name of names) expect(name).toMatch(/^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  it("applies every one of many patches that come at once", async () => {
    await create("many-patches");
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        api.send("PATCH", `${configMaps}/many-patches`, { data: { [`k${i}`]: "v" } }, mergePatch),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200));
    const { body } = await api.send("GET", `${configMaps}/many-patches`);
    expect(Object.keys(body.data)).toHaveLength(50);
  });

  it("lets one of two updates of the same version win", async () => {
    const { body } = await create("two-updates");
    const answers = await Promise.all(
      ["a", "b"].map((value) => api.send("PUT", `${configMaps}/two-updates`, { ...body, data: { value } })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  });

  it("gives no revision to a write that changes nothing", async () => {
    const { body } = await create("no-change", { labels: { a: "b" } });
    const before = api.storage.revision;
    const put = await api.send("PUT", `${configMaps}/no-change`, body);
    const patched = await api.send(
      "PATCH",
      `${configMaps}/no-change`,
      { metadata: { labels: { a: "b" } } },
      mergePatch,
    );
    expect(put.body.metadata.resourceVersion).toBe(body.metadata.resourceVersion);
    expect(patched.body.metadata.resourceVersion).toBe(body.metadata.resourceVersion);
    expect(api.storage.revision).toBe(before);
  });

  it("stores nothing in dry runs", async () => {
    const { body } = await create("dry");
    const before = api.storage.revision;
    const answers = [
      await api.send("POST", `${configMaps}?dryRun=All`, { metadata: { name: "dry-2" } }),
      await api.send("PUT", `${configMaps}/dry?dryRun=All`, { ...body, data: { a: "b" } }),
      await api.send("PATCH", `${configMaps}/dry?dryRun=All`, { data: { a: "b" } }, mergePatch),
      await api.send("DELETE", `${configMaps}/dry?dryRun=All`),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 200, 200]);
    expect(answers[1]?.body.data).toEqual({ a: "b" });
    expect(api.storage.revision).toBe(before);
  });

  it("refuses a patch that says it is for an older version, and takes one that says nothing", async () => {
    const { body } = await create("versions");
    await api.send("PATCH", `${configMaps}/versions`, { data: { a: "1" } }, mergePatch);
    const { resourceVersion } = body.metadata;
    const stale = await api.send(
      "PATCH",
      `${configMaps}/versions`,
      { metadata: { resourceVersion }, data: { a: "2" } },
      mergePatch,
    );
    expect(stale.body.reason).toBe("Conflict");
    expect((await api.send("PATCH", `${configMaps}/versions`, { data: { a: "2" } }, mergePatch)).status).toBe(200);
  });

  it("keeps what only the server may set", async () => {
    const { body } = await create("system-fields");
    const { body: put } = await api.send("PUT", `${configMaps}/system-fields`, {
      metadata: { name: "system-fields", creationTimestamp: "2001-01-01T00:00:00Z", deletionTimestamp: null },
    });
    expect(put.metadata.uid).toBe(body.metadata.uid);
    expect(put.metadata.creationTimestamp).toBe(body.metadata.creationTimestamp);
  });

  it("gives a new object its own uid and time, whatever a webhook says", async () => {
    const patch = [
      { op: "add", path: "/metadata/uid", value: "mine" },
      { op: "add", path: "/metadata/creationTimestamp", value: "2001-01-01T00:00:00Z" },
    ];
    const hooks = await startWebhookServer(() => ({ response: patchResponse(patch) }));
    const configurations = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
    await api.send("POST", configurations, {
      metadata: { name: "uids" },
      webhooks: [
        {
          name: "uids.example.com",
          clientConfig: { url: hooks.url, caBundle: hooks.caBundle },
          rules: [{ operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] }],
          admissionReviewVersions: ["v1"],
          sideEffects: "None",
        },
      ],
    });
    const { body } = await api.send("POST", "/api/v1/namespaces/default/configmaps", { metadata: { name: "own-uid" } });
    await api.send("DELETE", `${configurations}/uids`);
    await hooks.close();
    expect(hooks.received).toHaveLength(1);
    expect(body.metadata.uid).toMatch(/^[\da-f-]{36}$/);
    expect(body.metadata.creationTimestamp).not.toBe("2001-01-01T00:00:00Z");
  });

  it("counts generations of the desired state only", async () => {
    const path = "/apis/apps/v1/namespaces/default/deployments";
    const spec = {
      selector: { matchLabels: { a: "b" } },
      template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } },
    };
    const { body } = await api.send("POST", path, { metadata: { name: "generations" }, spec });
    expect(body.metadata.generation).toBe(1);
    const labelled = await api.send("PATCH", `${path}/generations`, { metadata: { labels: { x: "y" } } }, mergePatch);
    expect(labelled.body.metadata.generation).toBe(1);
    const scaled = await api.send("PATCH", `${path}/generations/scale`, { spec: { replicas: 3 } }, mergePatch);
    expect(scaled.body.spec.replicas).toBe(3);
    const { body: after } = await api.send("GET", `${path}/generations`);
    expect(after.metadata.generation).toBe(2);
    const status = await api.send("PATCH", `${path}/generations/status`, { status: { replicas: 3 } }, mergePatch);
    expect(status.body.metadata.generation).toBe(2);
    expect(status.body.status.replicas).toBe(3);
  });

  it("takes YAML", async () => {
    const text = 'metadata:\n  name: from-yaml\ndata:\n  a: "1"\n  a: "2"\n';
    const answer = await api.send("POST", configMaps, text, { headers: { "content-type": "application/yaml" } });
    expect(answer.body.data).toEqual({ a: "2" });
    expect(answer.headers["Warning"]).toBe('299 - "duplicate field \\"data.a\\""');
  });

  it("give no revision to an apply of what is there", async () => {
    const headers = { "content-type": "application/apply-patch+yaml" };
    const config = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "applied" }, data: { a: "1" } };
    const apply = () => api.send("PATCH", `${configMaps}/applied?fieldManager=m`, config, { headers });
    const first = await apply();
    expect(first.status).toBe(201);
    expect((await apply()).body).toEqual(first.body);
  });

  it("take no CBOR, and say so", async () => {
    await create("apply");
    const headers = { "content-type": "application/apply-patch+cbor" };
    const answer = await api.send("PATCH", `${configMaps}/apply?fieldManager=m`, "{}", { headers });
    expect(answer.status).toBe(415);
  });
});

describe("errors about patches", () => {
  it("show the patched object", async () => {
    const { body } = await create("bad-patch");
    const { uid, resourceVersion, creationTimestamp } = body.metadata;
    const answer = await api.send("PATCH", `${configMaps}/bad-patch`, { data: { x: 1 } }, mergePatch);
    const shown = `{\\"apiVersion\\":\\"v1\\",\\"data\\":{\\"x\\":1},\\"kind\\":\\"ConfigMap\\",\\"metadata\\":{\\"name\\":\\"bad-patch\\",\\"namespace\\":\\"default\\",\\"uid\\":\\"${uid}\\",\\"resourceVersion\\":\\"${resourceVersion}\\",\\"creationTimestamp\\":\\"${creationTimestamp}\\"}}`;
    expect(answer.status).toBe(422);
    expect(answer.body.message).toBe(
      ` "" is invalid: patch: Invalid value: "${shown}": json: cannot unmarshal number into Go struct field ConfigMap.data of type string`,
    );
  });

  it("refuse more operations than anybody needs", async () => {
    const operations = Array.from({ length: 10_001 }, () => ({ op: "test", path: "/kind", value: "ConfigMap" }));
    const answer = await api.send("PATCH", `${configMaps}/bad-patch`, operations, jsonPatch);
    expect(answer.status).toBe(413);
  });
});

describe("deletion", () => {
  it("waits for finalizers", async () => {
    await create("finalized", { finalizers: ["example.com/a"] });
    const deleted = await api.send("DELETE", `${configMaps}/finalized`);
    expect(deleted.body.metadata.deletionTimestamp).toBeDefined();
    expect((await api.send("GET", `${configMaps}/finalized`)).status).toBe(200);
    await api.send("PATCH", `${configMaps}/finalized`, { metadata: { finalizers: [] } }, mergePatch);
    expect((await api.send("GET", `${configMaps}/finalized`)).status).toBe(404);
  });

  it("has the garbage collector orphan the dependents, or delete them first", async () => {
    for (const [policy, finalizer] of [
      ["Orphan", "orphan"],
      ["Foreground", "foregroundDeletion"],
    ]) {
      await create(`policy-${finalizer?.toLowerCase()}`);
      const { body } = await api.send(
        "DELETE",
        `${configMaps}/policy-${finalizer?.toLowerCase()}?propagationPolicy=${policy}`,
      );
      expect(body.metadata.finalizers).toEqual([finalizer]);
    }
  });

  it("of a namespace waits for its finalize", async () => {
    await api.send("POST", "/api/v1/namespaces", { metadata: { name: "doomed" } });
    const { body } = await api.send("DELETE", "/api/v1/namespaces/doomed");
    expect(body.status.phase).toBe("Terminating");
    const refused = await api.send("POST", "/api/v1/namespaces/doomed/configmaps", { metadata: { name: "x" } });
    expect(refused.status).toBe(403);
    expect(refused.body.details.causes[0].reason).toBe("NamespaceTerminating");
    const finalized = await api.send("PUT", "/api/v1/namespaces/doomed/finalize", {
      ...body,
      spec: { finalizers: [] },
    });
    expect(finalized.status).toBe(200);
    expect((await api.send("GET", "/api/v1/namespaces/doomed")).status).toBe(404);
  });

  it("of a collection is answered when no deletion goes on, also when one is refused", async () => {
    await create("refused-0", { labels: { refused: "x" } });
    const { body } = await create("refused-1", { labels: { refused: "x" } });
    const collection = `${configMaps}?labelSelector=refused%3Dx`;
    const answer = await api.send("DELETE", collection, { preconditions: { uid: body.metadata.uid } });
    const left = await api.send("GET", collection);
    expect(answer.status).toBe(409);
    expect(left.body.items.map((item: KubeObject) => item.metadata.name)).toEqual(["refused-0"]);
    await api.send("DELETE", collection);
  });

  it("of a collection deletes what the selector matches", async () => {
    for (const name of ["x", "y", "z"]) await create(`group-${name}`, { labels: { group: name === "z" ? "b" : "a" } });
    const { body } = await api.send("DELETE", `${configMaps}?labelSelector=group%3Da`);
    expect(body.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual([
      "group-x",
      "group-y",
    ]);
    const { body: left } = await api.send("GET", `${configMaps}?labelSelector=group`);
    expect(left.items).toHaveLength(1);
  });
});

describe("lists", () => {
  it("come in pages of one revision, whatever is written meanwhile", async () => {
    for (let i = 0; i < 7; i++) await create(`page-${i}`, { labels: { page: "yes" } });
    const seen: string[] = [];
    let token = "";
    let revision: string | undefined;
    do {
      const query = `limit=3&labelSelector=page%3Dyes&continue=${token}`;
      const { body } = await api.send("GET", `${configMaps}?${query}`);
      revision ??= body.metadata.resourceVersion;
      expect(body.metadata.resourceVersion).toBe(revision);
      seen.push(...body.items.map((item: { metadata: { name: string } }) => item.metadata.name));
      token = body.metadata.continue ?? "";
      await create(`page-${seen.length}-more`, { labels: { page: "yes" } });
      await api.send("DELETE", `${configMaps}/page-6`);
    } while (token !== "");
    expect(seen).toEqual(["page-0", "page-1", "page-2", "page-3", "page-4", "page-5", "page-6"]);
  });

  it("count what remains when there is no selector", async () => {
    const { body } = await api.send("GET", `${configMaps}?limit=2`);
    const { body: all } = await api.send("GET", configMaps);
    expect(body.metadata.remainingItemCount).toBe(all.items.length - 2);
  });

  it("go on inconsistently after their revision was compacted", async () => {
    const { body } = await api.send("GET", `${configMaps}?limit=1`);
    await create("after-page");
    await create("after-page-2");
    await api.storage.compact(api.storage.revision - 1);
    const expired = await api.send("GET", `${configMaps}?limit=1&continue=${body.metadata.continue}`);
    expect(expired.status).toBe(410);
    expect(expired.body.reason).toBe("Expired");
    const next = await api.send("GET", `${configMaps}?limit=1&continue=${expired.body.metadata.continue}`);
    expect(next.status).toBe(200);
    expect(next.body.items[0].metadata.name).not.toBe(body.items[0].metadata.name);
  });

  it("have items without kind, and single objects with it", async () => {
    await create("kinds", { labels: { kinds: "yes" } });
    const { body } = await api.send("GET", `${configMaps}?labelSelector=kinds`);
    expect(body.kind).toBe("ConfigMapList");
    expect(Object.keys(body.items[0])).toEqual(["metadata"]);
    expect((await api.send("GET", `${configMaps}/kinds`)).body.kind).toBe("ConfigMap");
  });

  it("are indented for people", async () => {
    const answer = await api.send("GET", `${configMaps}/kinds?pretty=true`);
    const text = answer.response.body.type === "bytes" ? answer.response.body.chunks.join("") : "";
    expect(text).toContain('{\n  "kind": "ConfigMap",\n');
  });
});

describe("watches", () => {
  it("begin with what there is, mark its end, and go on", async () => {
    await create("watched", { labels: { watched: "yes" } });
    const query =
      "watch=1&labelSelector=watched&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    const iterator = frames(await api.send("GET", `${configMaps}?${query}`));
    expect((await nextFrame(iterator)).type).toBe("ADDED");
    const bookmark = await nextFrame(iterator);
    expect(bookmark.type).toBe("BOOKMARK");
    expect(bookmark.object().metadata.annotations).toEqual({ "k8s.io/initial-events-end": "true" });
    await api.send("PATCH", `${configMaps}/watched`, { metadata: { labels: { watched: null } } }, mergePatch);
    expect((await nextFrame(iterator)).type).toBe("DELETED");
    await iterator.return?.();
  });

  it("watch one object by its name", async () => {
    const first = await create("named");
    const query = `watch=1&fieldSelector=metadata.name%3Dnamed&resourceVersion=${first.body.metadata.resourceVersion}`;
    const iterator = frames(await api.send("GET", `${configMaps}?${query}`));
    await create("named-other");
    await api.send("DELETE", `${configMaps}/named`);
    const frame = await nextFrame(iterator);
    expect([frame.type, frame.object().metadata.name]).toEqual(["DELETED", "named"]);
    await iterator.return?.();
  });

  it("of Tables have columns in the first event only", async () => {
    await create("table-a", { labels: { table: "yes" } });
    await create("table-b", { labels: { table: "yes" } });
    const headers = { accept: "application/json;as=Table;g=meta.k8s.io;v=v1" };
    const iterator = frames(await api.send("GET", `${configMaps}?watch=1&labelSelector=table`, undefined, { headers }));
    const first = (await nextFrame(iterator)).object();
    const second = (await nextFrame(iterator)).object();
    expect(first["columnDefinitions"]).toHaveLength(3);
    expect(second["columnDefinitions"]).toBeNull();
    expect(second["rows"][0].cells[0]).toBe("table-b");
    expect(second["rows"][0].object.kind).toBe("PartialObjectMetadata");
    await iterator.return?.();
  });

  it("show events of one group in the other", async () => {
    const iterator = frames(await api.send("GET", "/apis/events.k8s.io/v1/namespaces/default/events?watch=1"));
    await api.send("POST", "/api/v1/namespaces/default/events", {
      metadata: { name: "shared" },
      involvedObject: { kind: "Pod", namespace: "default", name: "p" },
      reason: "Testing",
      type: "Normal",
    });
    const event = (await nextFrame(iterator)).object();
    expect([event.apiVersion, event["regarding"].name]).toEqual(["events.k8s.io/v1", "p"]);
    await iterator.return?.();
    for (const [path, field] of [
      ["/api/v1", "involvedObject.name"],
      ["/apis/events.k8s.io/v1", "regarding.name"],
    ]) {
      const { body } = await api.send("GET", `${path}/namespaces/default/events?fieldSelector=${field}%3Dp`);
      expect(body.items).toHaveLength(1);
    }
  });

  it("that are expired say so in an event", async () => {
    await create("expire");
    await api.storage.compact(api.storage.revision - 1);
    const frame = await nextFrame(frames(await api.send("GET", `${configMaps}?watch=1&resourceVersion=1`)));
    expect([frame.type, frame.object()["code"]]).toEqual(["ERROR", 410]);
  });
});

describe("authentication", () => {
  const whoAmI = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
  const bearer = (token: string) => ({ user: null, headers: { authorization: `Bearer ${token}` } });

  it("takes service accounts' tokens as long as the account is there", async () => {
    await api.send("POST", "/api/v1/namespaces/default/serviceaccounts", { metadata: { name: "robot" } });
    const { body } = await api.send("POST", "/api/v1/namespaces/default/serviceaccounts/robot/token", {});
    const { token } = body.status;
    const { body: me } = await api.send("POST", whoAmI, {}, bearer(token));
    expect(me.status.userInfo.username).toBe("system:serviceaccount:default:robot");
    expect(me.status.userInfo.groups).toEqual([
      "system:serviceaccounts",
      "system:serviceaccounts:default",
      "system:authenticated",
    ]);
    const { body: review } = await api.send("POST", "/apis/authentication.k8s.io/v1/tokenreviews", { spec: { token } });
    expect(review.status.authenticated).toBe(true);
    await api.send("DELETE", "/api/v1/namespaces/default/serviceaccounts/robot");
    expect((await api.send("POST", whoAmI, {}, bearer(token))).status).toBe(401);
  });

  it("refuses tokens that nobody has issued", async () => {
    const { status, body } = await api.send("GET", configMaps, undefined, bearer("nobody"));
    expect([status, body.message]).toEqual([401, "Unauthorized"]);
  });

  it("lets everybody see the version, and nobody unknown anything else", async () => {
    expect((await api.send("GET", "/version", undefined, { user: null })).body.minor).toBe("35");
    expect((await api.send("GET", "/readyz", undefined, { user: null })).body).toBe("ok");
    const root = await api.send("GET", "/", undefined, { user: null });
    expect(root.body.message).toBe('forbidden: User "system:anonymous" cannot get path "/"');
    const pods = await api.send("GET", "/api/v1/namespaces/default/pods/x/log", undefined, { user: null });
    expect(pods.body.message).toBe(
      'pods "x" is forbidden: User "system:anonymous" cannot get resource "pods/log" in API group "" in the namespace "default"',
    );
  });
});

describe("discovery", () => {
  const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

  it("is not sent again to a client that has it", async () => {
    const first = await api.send("GET", "/apis", undefined, { headers: { accept: `${aggregated},application/json` } });
    expect(first.headers["Content-Type"]).toBe(aggregated);
    expect(first.body.items[0].metadata.name).toBe("apiregistration.k8s.io");
    const headers = { accept: aggregated, "if-none-match": first.headers["ETag"] as string };
    const second = await api.send("GET", "/apis", undefined, { headers });
    expect(second.status).toBe(304);
  });

  it("follows the resources that come and go", async () => {
    const before = await api.send("GET", "/apis", undefined, { headers: { accept: aggregated } });
    const template = api.registry.lookup("apps", "v1", "deployments");
    if (template === undefined) throw new Error("there are no deployments");
    api.registry.set({ ...template, group: "example.com", version: "v1", custom: true });
    const after = await api.send("GET", "/apis", undefined, { headers: { accept: aggregated } });
    expect(after.headers["ETag"]).not.toBe(before.headers["ETag"]);
    expect((await api.send("GET", "/apis/example.com/v1")).body.resources[0].name).toBe("deployments");
    api.registry.delete("example.com", "v1", "deployments");
    expect((await api.send("GET", "/apis/example.com/v1")).body).toBe("404 page not found\n");
  });
});
