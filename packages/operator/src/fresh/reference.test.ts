import fc from "fast-check";
import { expect, test } from "vitest";
import {
  digestOfImageId,
  familiarName,
  formatReference,
  ImageNameError,
  parseReference,
  tryReference,
  withTag,
} from "./reference.ts";

const digest = `sha256:${"a".repeat(64)}`;

test.each([
  ["busybox", "docker.io/library/busybox:latest"],
  ["busybox:1.36", "docker.io/library/busybox:1.36"],
  ["team/app:x", "docker.io/team/app:x"],
  ["docker.io/busybox", "docker.io/library/busybox:latest"],
  ["index.docker.io/team/app", "docker.io/team/app:latest"],
  ["registry:5000/app", "registry:5000/app:latest"],
  ["registry:5000/app:1", "registry:5000/app:1"],
  ["localhost/app", "localhost/app:latest"],
  ["ghcr.io/a/b/c:v1.2.3-rc.1_x", "ghcr.io/a/b/c:v1.2.3-rc.1_x"],
  ["[::1]:5000/app:1", "[::1]:5000/app:1"],
  [`app@${digest}`, `docker.io/library/app@${digest}`],
  [`app:1@${digest}`, `docker.io/library/app:1@${digest}`],
  ["my__app", "docker.io/library/my__app:latest"],
])("%s is %s", (text, whole) => {
  expect(formatReference(parseReference(text))).toBe(whole);
});

test.each([
  "",
  ":",
  "@",
  "App",
  "app:",
  "app:-x",
  "a//b",
  "/app",
  "app/",
  "app@sha256:short",
  "app@",
  "a b",
  "app:x:y/z:",
  "-host.example/app",
  "app..x",
  "registry:port/app",
  `a${"b".repeat(300)}`,
  `app:${"t".repeat(129)}`,
])("%j is refused", (text) => {
  expect(() => parseReference(text)).toThrow(ImageNameError);
  expect(tryReference(text)).toBeUndefined();
});

test("what is written back is read as the same", () => {
  const part = fc.stringMatching(/^[a-z0-9]{1,8}$/);
  const names = fc.record({
    registry: fc.constantFrom("docker.io", "registry:5000", "localhost", "ghcr.io"),
    repository: fc.array(part, { minLength: 2, maxLength: 3 }).map((parts) => parts.join("/")),
    tag: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/),
  });
  fc.assert(
    fc.property(names, (reference) => {
      expect(parseReference(formatReference(reference))).toEqual(reference);
    }),
  );
});

test("no text makes it hang or throw anything else", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 700 }), (text) => {
      tryReference(text);
    }),
  );
});

test("another tag leaves the rest as it was written", () => {
  expect(withTag("myimage:test", "fixed")).toBe("myimage:fixed");
  expect(withTag("registry:5000/app", "2")).toBe("registry:5000/app:2");
  expect(withTag(`registry:5000/app:1@${digest}`, "2")).toBe("registry:5000/app:2");
});

test("names are shown as docker shows them", () => {
  expect(familiarName(parseReference("docker.io/library/app:1"))).toBe("app:1");
  expect(familiarName(parseReference("ghcr.io/x/app:1"))).toBe("ghcr.io/x/app:1");
});

test("a container's imageID has a digest in whatever form", () => {
  for (const id of [
    digest,
    `docker://${digest}`,
    `docker-pullable://app@${digest}`,
    `docker.io/library/app@${digest}`,
  ]) {
    expect(digestOfImageId(id)).toBe(digest);
  }
  expect(digestOfImageId("")).toBeUndefined();
});
