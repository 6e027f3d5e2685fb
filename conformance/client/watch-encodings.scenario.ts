import { readFileSync } from "node:fs";
import { apiVersionOf, configMaps, type ResourceRef, responseError, type WatchEvent } from "@podwright/client";
import { type KubeObject, nativeTypes } from "@podwright/kube";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { corpora, objectOf } from "../kinds/cases.ts";
import { type Lane, openLane } from "../lane.ts";

const protobuf = "application/vnd.kubernetes.protobuf;stream=watch";
const encodings = [protobuf, "application/json"];
const objects = new Map(
  [
    ...corpora().map(objectOf),
    ...(parse(readFileSync(new URL("every-kind.yaml", import.meta.url), "utf8")) as KubeObject[]),
  ].map((object) => [`${object.apiVersion} ${object.kind}`, object]),
);
const kinds = nativeTypes()
  .kinds.filter(({ verbs }) => verbs.includes("watch"))
  .map(({ group, version, plural, kind, namespaced }) => ({ group, version, resource: plural, kind, namespaced }));

let lane: Lane;
let namespace: string;
beforeAll(async () => {
  lane = await openLane({ nodes: 0, operator: false });
  namespace = await lane.namespace("encodings");
});
afterAll(() => lane?.close());

/** A watch in an encoding, which is open when this resolves. Gives its events until one satisfies `isLast`. */
async function open(
  encoding: string,
  path: string,
  isLast: (event: WatchEvent) => boolean,
): Promise<Promise<WatchEvent[]>[]> {
  const response = await lane.client.rawRequest("GET", path, undefined, { headers: { accept: encoding } });
  expect([response.status, response.headers["content-type"]]).toEqual([200, encoding]);
  const read = async () => {
    const seen: WatchEvent[] = [];
    for await (const event of response.events()) {
      seen.push(event);
      if (isLast(event)) break;
    }
    return seen;
  };
  // Not the promise itself, which would be waited for.
  return [read()];
}

function collection(ref: ResourceRef): string {
  const base = ref.group === "" ? "/api/v1" : `/apis/${apiVersionOf(ref)}`;
  return ref.namespaced ? `${base}/namespaces/${namespace}/${ref.resource}` : `${base}/${ref.resource}`;
}

describe("a watch in protobuf gives what one in JSON does", () => {
  test.each(kinds)("of $group/$version $kind", async (ref) => {
    const text = JSON.stringify(objects.get(`${apiVersionOf(ref)} ${ref.kind}`));
    const object = JSON.parse(text.replaceAll('"namespace":"default"', `"namespace":"${namespace}"`)) as KubeObject;
    if (ref.namespaced) object.metadata.namespace = namespace;
    const name = object.metadata.name as string;
    const resource = lane.client.resource(ref);
    const query = `?watch=1&timeoutSeconds=40&fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`;
    const isGone = ({ type }: WatchEvent) => type === "DELETED";
    const watches = (
      await Promise.all(encodings.map((encoding) => open(encoding, collection(ref) + query, isGone)))
    ).flat();

    await resource.create(object, { fieldManager: "encodings" });
    const annotations = { "example.com/text": 'a "<&>" \u2028 ü \u{1f600}', "10": "", "9": "x" };
    const change = { metadata: { annotations, labels: { a: "" }, finalizers: ["example.com/encodings"] } };
    await resource.patch(name, namespace, change, { type: "merge", fieldManager: "encodings-later" });
    await resource.delete(name, namespace, { propagationPolicy: "Background", gracePeriodSeconds: 0 });
    await resource.patch(name, namespace, { metadata: { finalizers: null } }, { type: "merge" });

    const [inProtobuf = [], inJson = []] = await Promise.all(watches);
    expect(inJson.map(({ type }) => type)).toEqual(expect.arrayContaining(["ADDED", "MODIFIED", "DELETED"]));
    expect(inProtobuf).toEqual(inJson);
  });

  test("when it begins with all there is and a bookmark", async () => {
    const isEnd = ({ type }: WatchEvent) => type === "BOOKMARK";
    const query =
      "?watch=1&timeoutSeconds=40&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    for (const path of ["/api/v1/namespaces", "/apis/rbac.authorization.k8s.io/v1/clusterroles", "/api/v1/pods"]) {
      const watches = (await Promise.all(encodings.map((encoding) => open(encoding, path + query, isEnd)))).flat();
      const [inProtobuf, inJson] = await Promise.all(watches);
      expect(inProtobuf?.slice(0, -1)).toEqual(inJson?.slice(0, -1));
      expect(inProtobuf?.at(-1)?.object.metadata).toEqual(inJson?.at(-1)?.object.metadata);
    }
  });

  test("when its version is too old or no version at all", async () => {
    const problem = async (encoding: string, resourceVersion: string): Promise<unknown> => {
      const path = `${collection(configMaps)}?watch=1&timeoutSeconds=5&resourceVersion=${resourceVersion}`;
      const response = await lane.client.rawRequest("GET", path, undefined, { headers: { accept: encoding } });
      if (response.status >= 400) return (await responseError("GET", path, response)).status;
      for await (const event of response.events()) return event;
      return undefined;
    };
    for (const version of ["1", "abc"]) {
      const [inProtobuf, inJson] = await Promise.all(encodings.map((encoding) => problem(encoding, version)));
      expect(inProtobuf).toEqual(inJson);
    }
  });
});
