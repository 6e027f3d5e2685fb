import { expect, test } from "vitest";
import { dockerAddress, formatDockerAddress, parseDockerHost } from "./docker-address.ts";
import { DockerClient } from "./docker-client.ts";
import { splitReference } from "./images.ts";

test.each([
  ["unix:///run/user/1000/docker.sock", { socketPath: "/run/user/1000/docker.sock" }],
  ["npipe:////./pipe/docker_engine", { socketPath: "//./pipe/docker_engine" }],
  ["tcp://127.0.0.1:2375", { host: "127.0.0.1", port: 2375 }],
  ["tcp://docker", { host: "docker", port: 2375 }],
  ["tcp://[::1]:1", { host: "::1", port: 1 }],
])("DOCKER_HOST %s", (host, address) => {
  expect(parseDockerHost(host)).toEqual(address);
  expect(dockerAddress({ DOCKER_HOST: host })).toEqual(address);
});

test("with DOCKER_TLS_VERIFY the connection is secure", () => {
  const env = { DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "/no/such/folder" };
  expect(parseDockerHost("tcp://docker", env)).toEqual({ host: "docker", port: 2376, tls: {} });
});

test("an address of another kind is refused", () => {
  expect(() => parseDockerHost("ssh://machine")).toThrow(
    "DOCKER_HOST ssh://machine: only unix://, tcp:// and npipe://",
  );
});

test("a daemon that is not there is an error with status 0 that names its address", async () => {
  const docker = new DockerClient({ socketPath: "/no/such/docker.sock" });
  await expect(docker.json("GET", "/info")).rejects.toMatchObject({
    name: "DockerError",
    status: 0,
    message: "the docker daemon does not answer at unix:///no/such/docker.sock",
  });
  expect(formatDockerAddress(docker.address)).toBe("unix:///no/such/docker.sock");
  docker.close();
});

test.each([
  ["busybox", "busybox", "latest"],
  ["busybox:1.36", "busybox", "1.36"],
  ["localhost:5000/a/b", "localhost:5000/a/b", "latest"],
  ["localhost:5000/a/b:c", "localhost:5000/a/b", "c"],
  ["a/b:c@sha256:0123", "a/b", "sha256:0123"],
])("image reference %s", (reference, repository, tag) => {
  expect(splitReference(reference)).toEqual({ repository, tag });
});
