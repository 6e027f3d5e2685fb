import { configMaps, namespaces, secretReflectors, secrets } from "@podwright/client";
import type { JsonObject, KubeObject } from "@podwright/kube";
import { type Operator, startOperator } from "@podwright/operator";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Lane, openLane } from "../lane.ts";
import { ready, reflecting, reflector, secret, wait } from "./reflecting.ts";

let lane: Lane;
let operator: Operator;
const start = () =>
  startOperator({ client: lane.client, without: ["nanopod", "pack", "redeploy"], onError: console.error });
beforeAll(async () => {
  lane = await openLane({ operator: false });
  operator = await start();
});
afterAll(async () => {
  // The reflectors' namespaces go only when their finalizers are taken off.
  const reflectors = await lane?.client.resource(secretReflectors).list();
  for (const { metadata } of reflectors?.items ?? []) await remove(secretReflectors, metadata.name, metadata.namespace);
  await operator?.stop();
  await lane?.close();
});

const { create, merge, remove, absent, values, becomes, status } = reflecting(() => lane.client);

test("names, globs and labels choose namespaces, present and future", async () => {
  const source = await lane.namespace("source");
  const [named, globbed, labelled, other] = await Promise.all(
    ["named", "globbed", "labelled", "other"].map((prefix) => lane.namespace(prefix)),
  );
  await create(secrets, secret(source, { a: "1" }));
  const label = { "example.com/of": source };
  const targets = {
    namespaces: [named as string, `${globbed?.slice(0, -1)}?`],
    namespaceSelector: { matchLabels: label },
  };
  await create(secretReflectors, reflector(source, { targets }));
  await becomes(named as string, { a: "1" });
  await becomes(globbed as string, { a: "1" });

  await merge(namespaces, labelled as string, undefined, { metadata: { labels: label } });
  await becomes(labelled as string, { a: "1" });
  const { metadata } = await create(namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { generateName: "future-", labels: label },
  });
  await becomes(metadata.name as string, { a: "1" });
  await status(source, { source: "secret/token", targets: 4, copies: 4, conflicts: 0, ...ready(true, "Reflected") });

  await merge(namespaces, labelled as string, undefined, { metadata: { labels: { "example.com/of": null } } });
  await becomes(labelled as string, undefined);
  await lane.client.resource(namespaces).delete(metadata.name as string);
  await status(source, { targets: 2, copies: 2 });
  expect(await values(other as string)).toBeUndefined();
  const { stdout } = await lane.kubectl(["get", "secretreflectors", "-n", source]);
  expect(stdout).toMatch(
    /^NAME +SOURCE +TARGETS +COPIES +CONFLICTS +READY +AGE\nr +secret\/token +2 +2 +0 +True +\d+s\n$/,
  );
});

describe("with one target", () => {
  let source: string;
  let target: string;
  const begin = async (spec: JsonObject = {}, of?: KubeObject) => {
    [source, target] = await Promise.all([lane.namespace("source"), lane.namespace("target")]);
    await create(secrets, of ?? secret(source, { a: "1", b: "2" }));
    await create(secretReflectors, reflector(source, { targets: { namespaces: [target] }, ...spec }));
  };

  test("a changed source, a hand-edited and a deleted copy are put right", async () => {
    await begin();
    await becomes(target, { a: "1", b: "2" });
    await merge(secrets, "token", source, { stringData: { a: "3" } });
    await becomes(target, { a: "3", b: "2" });
    await merge(secrets, "token", target, {
      stringData: { a: "by hand" },
      metadata: { labels: { "podwright.dev/reflected-from": null } },
    });
    await becomes(target, { a: "3", b: "2" });
    await vi.waitFor(async () => {
      const copy = await lane.client.resource(secrets).get("token", target);
      expect(copy.metadata.labels).toEqual({ "podwright.dev/reflected-from": source });
    }, wait);
    await lane.client.resource(secrets).delete("token", target);
    await becomes(target, { a: "3", b: "2" });
  });

  test("a deleted source takes its copies along, and comes back with them", async () => {
    await begin();
    await becomes(target, { a: "1", b: "2" });
    await lane.client.resource(secrets).delete("token", source);
    await becomes(target, undefined);
    await status(source, { copies: 0, targets: 0, ...ready(false, "SourceNotFound") });
    await create(secrets, secret(source, { a: "4" }));
    await becomes(target, { a: "4" });
  });

  test("copies carry their origin; deleting the reflector removes them and nothing else", async () => {
    await begin();
    await becomes(target, { a: "1", b: "2" });
    await create(secrets, secret(target, { mine: "1" }, {}, "mine"));
    const copy = await lane.client.resource(secrets).get("token", target);
    expect(copy.metadata).toMatchObject({
      labels: { "podwright.dev/reflected-from": source },
      annotations: { "podwright.dev/reflector": `${source}/r`, "podwright.dev/source": `${source}/token` },
    });
    await remove(secretReflectors, "r", source);
    expect(await values(target)).toBeUndefined();
    expect(await values(target, "mine")).toEqual({ mine: "1" });
    expect(await values(source)).toEqual({ a: "1", b: "2" });
  });

  test("another's object of that name is left alone until the name is free", async () => {
    [source, target] = await Promise.all([lane.namespace("source"), lane.namespace("target")]);
    await create(secrets, secret(source, { a: "1" }));
    await create(secrets, secret(target, { mine: "1" }));
    await create(secretReflectors, reflector(source, { targets: { namespaces: [target] } }));
    await status(source, {
      targets: 1,
      copies: 0,
      conflicts: 1,
      conditions: expect.arrayContaining([
        expect.objectContaining({
          type: "Conflict",
          status: "True",
          message: `Left as they are: secret ${target}/token`,
        }),
      ]),
    });
    expect(await values(target)).toEqual({ mine: "1" });
    await lane.client.resource(secrets).delete("token", target);
    await becomes(target, { a: "1" });
    await status(source, { copies: 1, conflicts: 0, ...ready(true, "Reflected") });
  });

  test("keys are taken, renamed and made from templates; labels and annotations are given", async () => {
    await begin({
      copy: {
        name: "{{ name }}-of-{{ namespace }}",
        keys: ["a*"],
        rename: { a: "first" },
        template: { url: "https://x:{{ data.b }}@{{ targetNamespace }}" },
        labels: { team: "x" },
        annotations: { note: "y" },
      },
    });
    const name = `token-of-${source}`;
    await becomes(target, { first: "1", url: `https://x:2@${target}` }, name);
    const copy = await lane.client.resource(secrets).get(name, target);
    expect(copy.metadata).toMatchObject({ labels: { team: "x" }, annotations: { note: "y" } });
    await merge(secrets, "token", source, { stringData: { b: "9" } });
    await becomes(target, { first: "1", url: `https://x:9@${target}` }, name);
  });

  test("a template that names an absent key is told, and no value with it", async () => {
    await begin({ copy: { template: { x: "{{ data.absent }}" } } });
    await status(source, {
      conditions: expect.arrayContaining([
        expect.objectContaining({ type: "Ready", reason: "Failed", message: 'the source has no key "absent"' }),
      ]),
    });
    await merge(secrets, "token", source, { stringData: { absent: "here" } });
    await becomes(target, { a: "1", b: "2", absent: "here", x: "here" });
  });

  test("the type is kept, and what cannot be changed is made anew", async () => {
    [source, target] = await Promise.all([lane.namespace("source"), lane.namespace("target")]);
    const basic = { username: "u", password: "p" };
    await create(secrets, secret(source, basic, { type: "kubernetes.io/basic-auth", immutable: true }));
    await create(secretReflectors, reflector(source, { targets: { namespaces: [target] } }));
    await becomes(target, basic);
    const copy = await lane.client.resource(secrets).get("token", target);
    expect(copy).toMatchObject({ type: "kubernetes.io/basic-auth", immutable: true });
    await lane.client.resource(secrets).delete("token", source);
    await create(secrets, secret(source, { a: "other" }));
    await becomes(target, { a: "other" });
  });

  test("what changed while no operator ran is put right", async () => {
    await begin();
    await becomes(target, { a: "1", b: "2" });
    await operator.stop();
    await merge(secrets, "token", target, { stringData: { a: "by hand" } });
    operator = await start();
    await becomes(target, { a: "1", b: "2" });
  });
});

test("a namespace may pull what it is allowed to", async () => {
  const [source, allowed, refused] = await Promise.all(["source", "allowed", "refused"].map((p) => lane.namespace(p)));
  await create(secrets, secret(source as string, { a: "1" }));
  await create(secretReflectors, reflector(source as string, { allow: { namespaces: [allowed as string] } }));
  for (const name of [allowed, refused]) {
    await merge(namespaces, name as string, undefined, {
      metadata: { annotations: { "podwright.dev/reflect-from": `other/x, ${source}/r` } },
    });
  }
  await becomes(allowed as string, { a: "1" });
  await status(source as string, {
    targets: 1,
    conditions: expect.arrayContaining([
      expect.objectContaining({ type: "Denied", message: expect.stringContaining(refused as string) }),
    ]),
  });
  expect(await values(refused as string)).toBeUndefined();
  await merge(namespaces, allowed as string, undefined, {
    metadata: { annotations: { "podwright.dev/reflect-from": null } },
  });
  await becomes(allowed as string, undefined);
});

test("a selector takes many, ConfigMaps too, and no copies", async () => {
  const [source, target] = await Promise.all(["source", "target"].map((prefix) => lane.namespace(prefix)));
  const make = (name: string, labels: Record<string, string>) =>
    create(configMaps, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace: source as string, labels },
      data: { of: name },
      binaryData: { bin: "AAH/" },
    });
  await make("one", { share: "yes" });
  await make("two", { share: "yes" });
  await make("three", {});
  const { secret: _none, ...spec } = reflector(source as string, {})["spec"];
  await create(secretReflectors, {
    ...reflector(source as string, {}),
    spec: {
      ...spec,
      configMap: { selector: { matchLabels: { share: "yes" } } },
      targets: { namespaces: [target as string] },
      copy: { keepLabels: ["share"] },
    },
  });
  await status(source as string, { source: "configmap (share=yes)", targets: 2, copies: 2 });
  const copy = await lane.client.resource(configMaps).get("one", target);
  expect(copy).toMatchObject({
    data: { of: "one" },
    binaryData: { bin: "AAH/" },
    metadata: { labels: { share: "yes" } },
  });
  await absent(configMaps, "three", target);
  await merge(configMaps, "one", source, { metadata: { labels: { share: null } } });
  await vi.waitFor(() => absent(configMaps, "one", target), wait);
});

test("a reflector that cannot work is refused with a clear text", async () => {
  const namespace = await lane.namespace("wrong");
  const manifest = JSON.stringify(reflector(namespace, { targets: { namespaces: [namespace, "team_*"] } }));
  const ran = await lane.kubectl(["create", "-f", "-"], manifest);
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain('spec.targets.namespaces[1]: Invalid value: "team_*": must be the name of a namespace');
  expect(ran.stderr).toContain("is the source's own namespace, and the copy would be the source");
});
