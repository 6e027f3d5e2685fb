import { expect, test } from "vitest";
import { imageIdOf, normalizeReference, registryOf } from "./image-names.ts";

test.each([
  ["busybox", "docker.io/library/busybox:latest"],
  ["busybox:1.36", "docker.io/library/busybox:1.36"],
  ["team/app", "docker.io/team/app:latest"],
  ["docker.io/busybox", "docker.io/library/busybox:latest"],
  ["index.docker.io/team/app:1", "docker.io/team/app:1"],
  ["localhost/app", "localhost/app:latest"],
  ["localhost:5000/app:1", "localhost:5000/app:1"],
  ["registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10"],
  ["app@sha256:abc", "docker.io/library/app@sha256:abc"],
])("%s is %s", (short, whole) => {
  expect(normalizeReference(short)).toBe(whole);
  expect(normalizeReference(whole)).toBe(whole);
  expect(registryOf(short)).toBe(whole.split("/")[0]);
});

const digest = `sha256:${"1".repeat(64)}`;
const config = `sha256:${"2".repeat(64)}`;

test("an image's id is its digest in the registry it was asked of, else any, else its configuration's", () => {
  const digests = [`other/app@${digest}`, `busybox@${digest}`];
  expect(imageIdOf("busybox:1", { Id: config, RepoDigests: digests })).toBe(`docker.io/library/busybox@${digest}`);
  expect(imageIdOf("nginx", { Id: config, RepoDigests: digests })).toBe(`docker.io/other/app@${digest}`);
  expect(imageIdOf(config, { Id: config, RepoDigests: digests })).toBe(`docker.io/other/app@${digest}`);
  expect(imageIdOf("busybox", { Id: config, RepoDigests: [] })).toBe(config);
  expect(imageIdOf("busybox", { Id: config, RepoDigests: ["<none>@<none>"] })).toBe(config);
});
