import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { registryMissing, startRegistry } from "../testing/registry-process.ts";
import { loginOf } from "./pull-secrets.ts";
import { RegistryClient, type RegistryLogin } from "./registry-client.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A registry that answers as the test says. Gives its host. */
async function serve(handler: (request: IncomingMessage, response: ServerResponse, host: string) => void) {
  const server = createServer((request, response) => handler(request, response, host));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return host;
}
const client = (registry: string, login?: RegistryLogin) => new RegistryClient({ registry }, login);
const digest = `sha256:${"a".repeat(64)}`;

describe.skipIf(registryMissing() !== undefined)("Debian's docker-registry", () => {
  test("gives digests, says when nothing has changed, and lists tags", async () => {
    const registry = await startRegistry();
    closing.push(() => registry.stop());
    const first = await registry.push("team/app", "1", "one");
    const asked = client(registry.host);
    const head = await asked.head("team/app", "1");
    expect(head).toMatchObject({ digest: first });
    const { etag } = head as { etag: string };
    expect(await asked.head("team/app", "1", etag)).toBe("unchanged");
    const second = await registry.push("team/app", "1", "two");
    expect(await asked.head("team/app", "1", etag)).toMatchObject({ digest: second });
    expect(await asked.head("team/app", "none")).toBeUndefined();
    await registry.push("team/app", "2", "three");
    expect((await asked.tags("team/app")).sort()).toEqual(["1", "2"]);
    expect(await asked.tags("team/nothing")).toEqual([]);
  });
});

describe("a registry that", () => {
  test("wants a token gets one for the login, and is asked again", async () => {
    const seen: string[] = [];
    const host = await serve(({ url, headers }, response, host) => {
      seen.push(`${url} ${headers.authorization ?? ""}`);
      if (url?.startsWith("/token")) return response.end(JSON.stringify({ token: "t0" }));
      if (headers.authorization === "Bearer t0") return response.setHeader("docker-content-digest", digest).end();
      response.writeHead(401, { "www-authenticate": `Bearer realm="http://${host}/token",service="s"` }).end();
    });
    const asked = client(host, { username: "u", password: "p" });
    expect(await asked.head("app", "1")).toEqual({ digest });
    expect(seen[1]).toBe("/token?service=s&scope=repository%3Aapp%3Apull Basic dTpw");
    await asked.head("app", "1");
    expect(seen).toHaveLength(4);
  });
  test("refuses the login is an error that does not tell the password", async () => {
    const host = await serve((_request, response) => response.writeHead(401).end());
    const error = await client(host, { username: "u", password: "secret" })
      .head("app", "1")
      .catch((error) => error);
    expect(error).toMatchObject({ name: "RegistryError", status: 401 });
    expect(String(error)).not.toContain("secret");
  });
  test("wants to be left alone says for how long", async () => {
    const host = await serve((_request, response) => response.writeHead(429, { "retry-after": "7" }).end());
    await expect(client(host).head("app", "1")).rejects.toMatchObject({ status: 429, retryAfterMs: 7000 });
  });
  test("answers garbage, breaks off, or is not there is an error", async () => {
    const garbage = await serve((_request, response) => response.setHeader("docker-content-digest", "x").end("<html>"));
    await expect(client(garbage).head("app", "1")).rejects.toMatchObject({ status: 0 });
    await expect(client(garbage).tags("app")).rejects.toMatchObject({ status: 0 });
    const broken = await serve((request) => request.socket.destroy());
    await expect(client(broken).head("app", "1")).rejects.toMatchObject({ status: 0 });
    await expect(client("127.0.0.1:1").head("app", "1")).rejects.toMatchObject({ status: 0 });
  });
  test("sends more than anybody needs is cut off", async () => {
    const host = await serve((_request, response) => {
      const flood = () => {
        while (!response.destroyed && response.write("x".repeat(1 << 16)));
      };
      response.on("drain", flood);
      flood();
    });
    await expect(client(host).tags("app")).rejects.toThrow(/longer than/);
  });
});

test("a login is found in a pull secret by its registry", () => {
  const secret = (auths: object) => Buffer.from(JSON.stringify({ auths })).toString("base64");
  const auth = Buffer.from("u:p:q").toString("base64");
  expect(loginOf(secret({ "r:5000": { auth } }), "r:5000")).toEqual({ username: "u", password: "p:q" });
  expect(loginOf(secret({ "https://index.docker.io/v1/": { auth } }), "docker.io")).toEqual({
    username: "u",
    password: "p:q",
  });
  expect(loginOf(secret({ other: { auth } }), "r:5000")).toBeUndefined();
  expect(loginOf("%%%", "r")).toBeUndefined();
  expect(loginOf(undefined, "r")).toBeUndefined();
});
