import type { KubeObject } from "@podwright/kube";
import { describe, expect, test } from "vitest";
import { parseImageName, withDefaultTag } from "./image-name.ts";
import { credentialsFor } from "./pull-secrets.ts";
import { PullSlots } from "./pull-slots.ts";

describe("image names", () => {
  test.each([
    ["busybox", { host: "docker.io", path: "library/busybox", tag: undefined, digest: undefined }],
    ["me/app:1", { host: "docker.io", path: "me/app", tag: "1", digest: undefined }],
    ["registry.test:5000/a/b:v1", { host: "registry.test:5000", path: "a/b", tag: "v1", digest: undefined }],
    ["localhost/app", { host: "localhost", path: "app", tag: undefined, digest: undefined }],
  ])("%s", (text, name) => expect(parseImageName(text)).toEqual(name));

  test.each(["", "a b", "x:y:z", "-a", "Big", "http://a/b"])("%j is none", (text) => {
    expect(() => parseImageName(text)).toThrow("couldn't parse image name");
  });

  test("have :latest where nothing else is said", () => {
    const digest = `a@sha256:${"0".repeat(64)}`;
    expect(["a", "a:1", digest].map(withDefaultTag)).toEqual(["a:latest", "a:1", digest]);
  });
});

describe("pull secrets", () => {
  const secretOf = (servers: Record<string, object>): KubeObject => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s" },
    type: "kubernetes.io/dockercfg",
    data: { ".dockercfg": Buffer.from(JSON.stringify(servers)).toString("base64") },
  });
  const user = (username: string): object => ({ username, password: "p" });
  const users = (image: string, ...secrets: KubeObject[]): string[] =>
    credentialsFor(image, secrets).map(({ username }) => username);

  test("are chosen by host, port and path, the longest path first", () => {
    const secret = secretOf({
      "r.test": user("host"),
      "https://r.test/team/v1/": user("team"),
      "r.test/other": user("other"),
      "r.test:5000": user("port"),
    });
    expect(users("r.test/team/v1/app", secret)).toEqual(["team", "host"]);
    expect(users("r.test:5000/app", secret)).toEqual(["port"]);
    expect(users("elsewhere.test/app", secret)).toEqual([]);
  });

  test("may have stars for parts of the host", () => {
    const secret = secretOf({ "*.r.test": user("star") });
    expect(users("a.r.test/app", secret)).toEqual(["star"]);
    expect(users("a.b.r.test/app", secret)).toEqual([]);
  });

  test("of Docker Hub are for images without a host", () => {
    expect(users("busybox", secretOf({ "https://index.docker.io/v1/": user("hub") }))).toEqual(["hub"]);
  });

  test("that cannot be read are left out", () => {
    const broken = { ...secretOf({}), data: { ".dockercfg": "bm90IGpzb24=" } };
    expect(users("busybox", broken)).toEqual([]);
  });
});

test("only so many pulls run at once, and one that waits can be called off", async () => {
  const slots = new PullSlots(1);
  const first = Promise.withResolvers<string>();
  const { signal } = new AbortController();
  const running = slots.run(signal, () => first.promise);
  const calledOff = new AbortController();
  const second = slots.run(calledOff.signal, async () => "second");
  const third = slots.run(signal, async () => "third");
  calledOff.abort(new Error("not wanted"));
  await expect(second).rejects.toThrow("not wanted");
  first.resolve("first");
  expect([await running, await third]).toEqual(["first", "third"]);
});
