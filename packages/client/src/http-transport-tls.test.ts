import { readFileSync } from "node:fs";
import https from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Client } from "./client.ts";
import type { Credential, ServerTrust } from "./connection-config.ts";
import { HttpTransport } from "./http-transport.ts";

const pem = (name: string) => readFileSync(new URL(`testing/tls/${name}`, import.meta.url));
const trust = { ca: pem("ca.crt") };

let server: https.Server;
let client: Client | undefined;

beforeAll(async () => {
  const options = { cert: pem("server.crt"), key: pem("server.key"), ca: trust.ca, requestCert: true };
  server = https.createServer({ ...options, rejectUnauthorized: false }, (request, response) => {
    const socket = request.socket as TLSSocket & { servername?: string };
    const peer = socket.authorized ? socket.getPeerCertificate().subject.CN : null;
    response.end(JSON.stringify({ peer, port: socket.remotePort, asked: socket.servername || null }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(() => client?.close());
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function open(tls: ServerTrust, credential: () => Credential = () => ({}), host = "127.0.0.1"): Client {
  const credentials = { current: credential, rejected: async () => false };
  const url = `https://${host}:${(server.address() as AddressInfo).port}`;
  client = new Client(new HttpTransport({ server: url, namespace: "default", tls, credentials, headers: {} }));
  return client;
}

test("a server whose authority is known is trusted", async () => {
  expect(await open(trust).request("GET", "/")).toMatchObject({ peer: null, asked: null });
});

test("a server whose authority is unknown is not, unless told so", async () => {
  await expect(open({}).request("GET", "/")).rejects.toMatchObject({ name: "TransportError" });
  await expect(open({ ca: pem("other-ca.crt") }).request("GET", "/")).rejects.toMatchObject({ name: "TransportError" });
  expect(await open({ insecureSkipVerify: true }).request("GET", "/")).toMatchObject({ peer: null });
});

test("a server must have the name it is called by, or the one it is said to have", async () => {
  await expect(open(trust, undefined, "localhost").request("GET", "/")).rejects.toMatchObject({
    code: "ERR_TLS_CERT_ALTNAME_INVALID",
  });
  const named = open({ ...trust, serverName: "api.example" }, undefined, "localhost");
  expect(await named.request("GET", "/")).toMatchObject({ asked: "api.example" });
});

test("a client certificate tells who one is; another one gets connections of its own", async () => {
  const pair = (name: string): Credential => ({ certificate: pem(`${name}.crt`), key: pem(`${name}.key`) });
  let credential = pair("jane");
  const client = open(trust, () => credential);
  const first = await client.request<{ peer: string; port: number }>("GET", "/");
  expect(first.peer).toBe("jane");
  expect(await client.request("GET", "/")).toEqual(first);
  credential = pair("john");
  expect(await client.request("GET", "/")).toMatchObject({ peer: "john" });
});
