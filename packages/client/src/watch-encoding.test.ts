import http from "node:http";
import type { AddressInfo } from "node:net";
import { nativeTypes } from "@podwright/kube";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Client } from "./client.ts";
import { staticCredentials } from "./connection-config.ts";
import { HttpTransport } from "./http-transport.ts";
import { Informer } from "./informer.ts";
import { isNative } from "./native-group-versions.ts";
import { configMaps, nanoPods, type ResourceRef } from "./resources.ts";
import { sentByUpstream } from "./testing/upstream-watch.ts";
import type { WatchEvent } from "./transport.ts";

const protobuf = "application/vnd.kubernetes.protobuf;stream=watch";
const { bytes, events } = sentByUpstream;
const firstEnd = 4 + bytes.readUInt32BE(0);

let accepted: string[];
let handle: (response: http.ServerResponse) => void;
let server: http.Server;
let client: Client;

beforeEach(async () => {
  accepted = [];
  server = http.createServer((request, response) => {
    accepted.push(request.headers.accept ?? "");
    handle(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const credentials = staticCredentials({});
  const config = { server: `http://127.0.0.1:${port}`, namespace: "default", tls: {}, credentials, headers: {} };
  client = new Client(new HttpTransport(config));
});

afterEach(async () => {
  await client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function answers(body: Buffer | string, contentType: string, status = 200): (response: http.ServerResponse) => void {
  return (response) => response.writeHead(status, { "content-type": contentType }).end(body);
}

async function watch(ref: ResourceRef = configMaps): Promise<WatchEvent[]> {
  const seen: WatchEvent[] = [];
  for await (const event of client.resource(ref).watch()) seen.push(event);
  return seen;
}

describe("what a watch asks for", () => {
  test("is protobuf, or else JSON, for native kinds, and JSON for others", async () => {
    handle = answers("", "application/json");
    await watch(configMaps);
    await watch(nanoPods);
    await watch({ ...configMaps, version: "v2" });
    expect(accepted).toEqual([`${protobuf},application/json`, "application/json", "application/json"]);
  });

  test("native are the group versions of the type table", () => {
    const versions = nativeTypes().kinds.map(({ group, version }) => (group === "" ? version : `${group}/${version}`));
    for (const version of versions) expect(isNative(version), version).toBe(true);
    for (const version of ["metrics.k8s.io/v1beta1", "resource.k8s.io/v1beta1", "v2"]) {
      expect(isNative(version), version).toBe(false);
    }
  });
});

describe("what comes back", () => {
  test("is read as what it says it is", async () => {
    handle = answers(bytes, protobuf);
    expect(await watch()).toEqual(events);
    handle = answers(events.map((event) => `${JSON.stringify(event)}\n`).join(""), "application/json");
    expect(await watch()).toEqual(events);
  });

  test("of a newer server, with what is not known here, makes later watches ask for JSON", async () => {
    const newer = Buffer.from(bytes.subarray(firstEnd));
    newer.write("ConfigMop", newer.indexOf("ConfigMap"));
    handle = answers(Buffer.concat([bytes.subarray(0, firstEnd), newer]), protobuf);
    const seen: string[] = [];
    const reading = async () => {
      for await (const { type } of client.resource(configMaps).watch()) seen.push(type);
    };
    await expect(reading()).rejects.toMatchObject({ name: "UnreadableEvent", code: "EBADBODY" });
    expect(seen).toEqual(["ADDED"]);
    handle = answers("", "application/json");
    await watch();
    expect(accepted.at(-1)).toBe("application/json");
  });

  test("of an informer whose watch cannot be read is had in JSON", async () => {
    handle = (response) => {
      if (accepted.at(-1)?.includes("protobuf")) answers(Buffer.alloc(4), protobuf)(response);
      else answers(events.map((event) => `${JSON.stringify(event)}\n`).join(""), "application/json")(response);
    };
    const informer = new Informer(client.resource(configMaps), { minReconnectMs: 1, managedFields: false });
    informer.start();
    await informer.synced();
    expect(informer.get("a", "default")?.metadata).not.toHaveProperty("managedFields");
    expect(informer.metrics.failures).toBe(1);
    await informer.stop();
  });

  test("when refused is the Status, in protobuf too", async () => {
    // As kube-apiserver 1.35.4 sends it.
    const refusal = Buffer.from(
      "azhzAAoMCgJ2MRIGU3RhdHVzEp0BCgYKABIAGgASB0ZhaWx1cmUabHBvZHMgaXMgZm9yYmlkZGVuOiBVc2VyICJzeXN0ZW06YW5vbnltb3Vz" +
        "IiBjYW5ub3Qgd2F0Y2ggcmVzb3VyY2UgInBvZHMiIGluIEFQSSBncm91cCAiIiBhdCB0aGUgY2x1c3RlciBzY29wZSIJRm9yYmlkZGVuKg4K" +
        "ABIAGgRwb2RzKAAyADCTAxoAIgA=",
      "base64",
    );
    handle = answers(refusal, "application/vnd.kubernetes.protobuf", 403);
    await expect(watch()).rejects.toMatchObject({
      name: "StatusError",
      reason: "Forbidden",
      code: 403,
      message:
        'pods is forbidden: User "system:anonymous" cannot watch resource "pods" in API group "" at the cluster scope',
      status: { details: { kind: "pods" } },
    });
    handle = answers(refusal.subarray(0, 50), "application/vnd.kubernetes.protobuf", 403);
    await expect(watch()).rejects.toMatchObject({ name: "StatusError", reason: "Forbidden", code: 403 });
  });
});
