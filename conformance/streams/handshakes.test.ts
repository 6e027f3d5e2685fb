/**
 * What a client that wants an upgrade gets to read when there is none. The answers are those of kube-apiserver and kubelet
 * 1.35.4 on a real node, but for the dates and the order of headers.
 */
import { once } from "node:events";
import { request } from "node:https";
import { text } from "node:stream/consumers";
import { openProcessCluster, type ProcessCluster } from "@podwright/apiserver/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

let cluster: ProcessCluster;
beforeAll(async () => {
  cluster = await openProcessCluster();
});
afterAll(() => cluster?.close());

const exec = "exec?container=c&stdout=1&command=true";
const webSocket = (protocol: string) => ({
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-protocol": protocol,
});
const spdy = (versions: string) => ({ upgrade: "SPDY/3.1", "x-stream-protocol-version": versions });

async function answer(path: string, headers: Record<string, string>, method = "GET") {
  const { pki, listener } = cluster;
  const sent = request({
    host: "127.0.0.1",
    port: listener.port,
    path: `/api/v1/namespaces/default/pods/p/${path}`,
    method,
    ca: pki.ca.cert,
    ...pki.admin,
    headers: { connection: "Upgrade", ...headers },
  });
  sent.end();
  const outcome = await Promise.race([
    once(sent, "response"),
    once(sent, "upgrade").then(([response, socket]) => {
      socket.destroy();
      return [response, true];
    }),
  ]);
  const [response, upgraded] = outcome;
  return { status: response.statusCode, headers: response.headers, body: upgraded ? "" : await text(response) };
}

test.each([
  [
    "SPDY of versions nobody knows",
    exec,
    spdy("v9"),
    403,
    "unable to upgrade: unable to negotiate protocol: client supports [v9], server accepts [v4.channel.k8s.io v3.channel.k8s.io v2.channel.k8s.io channel.k8s.io]\n",
  ],
  ["a WebSocket's protocol nobody knows", exec, webSocket("v9.channel.k8s.io"), 403, ""],
  [
    "a container that does not run",
    exec.replace("=c&", "=stopped&"),
    webSocket("v4.channel.k8s.io"),
    500,
    'container not found ("stopped")',
  ],
  [
    "a WebSocket without a key",
    exec,
    { upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-protocol": "v5.channel.k8s.io" },
    400,
    "mismatch challenge/response",
  ],
  [
    "a WebSocket of an old version",
    exec,
    { ...webSocket("v5.channel.k8s.io"), "sec-websocket-version": "7" },
    400,
    "missing or bad WebSocket Version",
  ],
  [
    "port-forward without ports",
    "portforward",
    webSocket("v4.channel.k8s.io"),
    400,
    'query parameter "port" is required',
  ],
  ["port-forward by a protocol nobody knows", "portforward?ports=1", webSocket("x"), 403, ""],
  [
    "a tunnel of what nobody knows",
    "portforward",
    webSocket("SPDY/3.1+nobody.k8s.io"),
    403,
    "unable to upgrade: unable to negotiate protocol: client supports [nobody.k8s.io], server accepts [portforward.k8s.io]\n",
  ],
  [
    "port-forward by SPDY of a version nobody knows",
    "portforward",
    spdy("x"),
    403,
    "unable to upgrade: unable to negotiate protocol: client supports [x], server accepts [portforward.k8s.io]\n",
  ],
  ["a log by a protocol nobody knows", "log?container=c", webSocket("x"), 403, ""],
])("%s", async (_what, path, headers, status, body) => {
  const got = await answer(path, headers as Record<string, string>);
  expect({ status: got.status, body: got.body }).toEqual({ status, body });
});

test.each([
  ["exec", exec, spdy("v5.channel.k8s.io, v4.channel.k8s.io"), "x-stream-protocol-version", "v4.channel.k8s.io"],
  ["exec", exec, webSocket("v5.channel.k8s.io"), "sec-websocket-protocol", "v5.channel.k8s.io"],
  ["exec", exec, webSocket("x, v4.channel.k8s.io"), "sec-websocket-protocol", "v4.channel.k8s.io"],
  [
    "port-forward",
    "portforward",
    webSocket("SPDY/3.1+portforward.k8s.io"),
    "sec-websocket-protocol",
    "SPDY/3.1+portforward.k8s.io",
  ],
  ["port-forward", "portforward", spdy("portforward.k8s.io"), "x-stream-protocol-version", "portforward.k8s.io"],
  ["a log", "log?container=c", webSocket("base64.binary.k8s.io"), "sec-websocket-protocol", "base64.binary.k8s.io"],
])("%s is upgraded by %j", async (_what, path, headers, name, protocol) => {
  const got = await answer(
    path,
    headers as Record<string, string>,
    "upgrade" in headers && headers.upgrade === "SPDY/3.1" ? "POST" : "GET",
  );
  expect(got.status).toBe(101);
  expect(got.headers[name]).toBe(protocol);
});
