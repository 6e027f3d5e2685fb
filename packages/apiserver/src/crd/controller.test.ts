import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@podwright/clock";
import { type JsonValue, type KubeObject, parseJson, stringifyJson } from "@podwright/kube";
import { describe, expect, it } from "vitest";
import { createAdmission } from "../admission/default-admission.ts";
import { createResourceRegistry } from "../registry/resource-registry.ts";
import { nativeResources } from "../resources/native.ts";
import { createApiServer } from "../server.ts";
import { openStorage, type StorageOptions } from "../storage/open-storage.ts";
import { startCustomResources } from "./controller.ts";
import type { Definition } from "./definition.ts";

interface Answer {
  status: number;
  body: KubeObject;
}

/** An API server with custom resources, in this process. */
async function open(options: StorageOptions = { type: "memory" }) {
  const storage = await openStorage(options);
  const registry = createResourceRegistry(nativeResources());
  const admission = createAdmission({ storage, registry });
  const customResources = startCustomResources({ storage, registry, clock: systemClock });
  const server = createApiServer({ storage, registry, admission: admission.chain });
  return {
    registry,
    settled: () => customResources.settled(),
    async send(method: string, path: string, body?: unknown): Promise<Answer> {
      const response = await server.handle({
        method,
        path,
        query: new URLSearchParams(),
        headers: { "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json" },
        body: body === undefined ? undefined : Buffer.from(stringifyJson(body as JsonValue)),
        user: { username: "admin", groups: ["system:masters"] },
        signal: new AbortController().signal,
      });
      if (response.body.type !== "bytes") throw new Error("a watch");
      const text = response.body.chunks.join("");
      // A group that is not there is a 404 in plain text.
      return { status: response.status, body: (text.startsWith("{") ? parseJson(text).value : text) as KubeObject };
    },
    async [Symbol.asyncDispose]() {
      server.close();
      admission.close();
      await customResources.stop();
      await storage.close();
    },
  };
}

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

function definition(plural = "widgets", kind = "Widget", group = "example.com"): KubeObject {
  const spec = { type: "object", properties: { size: { type: "integer", default: 1 } } };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: "Cluster",
      names: { plural, kind },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", properties: { spec } } },
        },
      ],
    },
  };
}

const widget = (name: string, metadata: Record<string, unknown> = {}) => ({
  apiVersion: "example.com/v1",
  kind: "Widget",
  metadata: { name, ...metadata },
  spec: {},
});

describe("a definition", () => {
  it("is served as soon as its creation is answered", async () => {
    await using api = await open();
    expect((await api.send("POST", definitions, definition())).status).toBe(201);
    const created = await api.send("POST", "/apis/example.com/v1/widgets", widget("w"));
    expect(created).toMatchObject({ status: 201, body: { metadata: { generation: 1 }, spec: { size: 1 } } });
  });

  it("gets its status", async () => {
    await using api = await open();
    await api.send("POST", definitions, definition());
    await api.settled();
    const { body } = await api.send("GET", `${definitions}/widgets.example.com`);
    expect((body as Definition).status).toMatchObject({
      acceptedNames: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
      storedVersions: ["v1"],
      conditions: [
        { type: "NamesAccepted", status: "True", reason: "NoConflicts" },
        { type: "Established", status: "True", reason: "InitialNamesAccepted" },
      ],
    });
  });

  it("does not get names that another one has, until they are free", async () => {
    await using api = await open();
    await api.send("POST", definitions, definition());
    await api.send("POST", definitions, definition("gadgets", "Widget"));
    await api.settled();
    const conditions = async () => {
      const { body } = await api.send("GET", `${definitions}/gadgets.example.com`);
      return (body as Definition).status?.conditions?.map(({ type, status }) => `${type}=${status}`);
    };
    expect(await conditions()).toEqual(["NamesAccepted=False", "Established=False"]);
    expect((await api.send("GET", "/apis/example.com/v1/gadgets")).status).toBe(404);
    await api.send("DELETE", `${definitions}/widgets.example.com`);
    await api.settled();
    expect(await conditions()).toEqual(["NamesAccepted=True", "Established=True"]);
    expect((await api.send("GET", "/apis/example.com/v1/gadgets")).status).toBe(200);
  });

  it("does not take the place of a native resource", async () => {
    await using api = await open();
    const body = definition("deployments", "Deployment", "apps.example.com");
    await api.send("POST", definitions, body);
    expect(api.registry.lookup("apps", "v1", "deployments")?.custom).toBe(false);
  });

  it("follows changes of its schema and versions", async () => {
    await using api = await open();
    await api.send("POST", definitions, definition());
    await api.send("POST", "/apis/example.com/v1/widgets", widget("w"));
    const spec = { type: "object", properties: { color: { type: "string", default: "red" } } };
    const schema = { openAPIV3Schema: { type: "object", properties: { spec } } };
    const versions = [
      { name: "v2", served: true, storage: true, schema },
      { name: "v1", served: false, storage: false, schema },
    ];
    const changed = await api.send("PATCH", `${definitions}/widgets.example.com`, { spec: { versions } });
    expect(changed.body["status"].storedVersions).toEqual(["v1", "v2"]);
    expect((await api.send("GET", "/apis/example.com/v1/widgets/w")).status).toBe(404);
    const read = await api.send("GET", "/apis/example.com/v2/widgets/w");
    expect(read.body).toMatchObject({ apiVersion: "example.com/v2", spec: { color: "red" } });
    expect(read.body["spec"]).not.toHaveProperty("size");
  });

  it("keeps numbers beyond 2^53, its own and its instances'", async () => {
    await using api = await open();
    const body = definition();
    const size = { type: "integer", format: "int64", default: 9007199254740993n, maximum: 9223372036854775807n };
    const spec = { type: "object", properties: { size } };
    body["spec"].versions[0].schema.openAPIV3Schema.properties.spec = spec;
    await api.send("POST", definitions, body);
    await api.settled();
    const { body: stored } = await api.send("GET", `${definitions}/widgets.example.com`);
    const schema = stored["spec"].versions[0].schema.openAPIV3Schema;
    expect(schema.properties.spec.properties.size.default).toBe(9007199254740993n);
    const path = "/apis/example.com/v1/widgets";
    const created = await api.send("POST", path, widget("w", { finalizers: ["example.com/wait"] }));
    expect(created).toMatchObject({ status: 201, body: { spec: { size: 9007199254740993n } } });
    await api.send("DELETE", `${definitions}/widgets.example.com`);
    await api.settled();
    const { body: deleting } = await api.send("GET", `${path}/w`);
    expect(deleting.metadata.deletionTimestamp).toBeDefined();
    expect(deleting["spec"].size).toBe(9007199254740993n);
  });

  it("is served again after a restart", async () => {
    const folder = await mkdtemp(join(tmpdir(), "podwright-crd-"));
    const path = join(folder, "data");
    {
      await using api = await open({ type: "lmdb", path });
      await api.send("POST", definitions, definition());
      await api.send("POST", "/apis/example.com/v1/widgets", widget("w"));
    }
    {
      await using api = await open({ type: "lmdb", path });
      expect((await api.send("GET", "/apis/example.com/v1/widgets/w")).status).toBe(200);
    }
    await rm(folder, { recursive: true });
  });
});

describe("the deletion of a definition", () => {
  it("takes its instances along", async () => {
    await using api = await open();
    await api.send("POST", definitions, definition());
    for (const name of ["a", "b"]) await api.send("POST", "/apis/example.com/v1/widgets", widget(name));
    const deleted = await api.send("DELETE", `${definitions}/widgets.example.com`);
    expect(deleted.status).toBe(200);
    expect(deleted.body.metadata.finalizers).toEqual(["customresourcecleanup.apiextensions.k8s.io"]);
    await api.settled();
    expect((await api.send("GET", `${definitions}/widgets.example.com`)).status).toBe(404);
    expect((await api.send("GET", "/apis/example.com/v1/widgets")).status).toBe(404);
    await api.send("POST", definitions, definition());
    expect((await api.send("GET", "/apis/example.com/v1/widgets")).body["items"]).toEqual([]);
  });

  it("waits for instances with finalizers, and lets nobody make new ones", async () => {
    await using api = await open();
    await api.send("POST", definitions, definition());
    await api.send("POST", "/apis/example.com/v1/widgets", widget("kept", { finalizers: ["example.com/wait"] }));
    await api.send("DELETE", `${definitions}/widgets.example.com`);
    await api.settled();
    const waiting = await api.send("GET", `${definitions}/widgets.example.com`);
    expect(waiting.body["status"].conditions.at(-1)).toMatchObject({
      type: "Terminating",
      status: "True",
      reason: "InstanceDeletionInProgress",
    });
    const refused = await api.send("POST", "/apis/example.com/v1/widgets", widget("new"));
    expect(refused).toMatchObject({
      status: 403,
      body: {
        message:
          'widgets.example.com "new" is forbidden: create not allowed while custom resource definition is terminating',
      },
    });
    const path = "/apis/example.com/v1/widgets/kept";
    expect((await api.send("GET", path)).body.metadata.deletionTimestamp).toBeDefined();
    await api.send("PATCH", path, { metadata: { finalizers: null } });
    await api.settled();
    expect((await api.send("GET", `${definitions}/widgets.example.com`)).status).toBe(404);
  });
});
