import type { IncomingMessage, ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { createCertificateAuthority } from "@podwright/pki";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configMaps, openTarget, type Target } from "./target.ts";

type Behaviour = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const review = (fields: object) => (_: IncomingMessage, response: ServerResponse, body: string) =>
  response.end(
    JSON.stringify({
      apiVersion: "admission.k8s.io/v1",
      kind: "AdmissionReview",
      response: { uid: JSON.parse(body).request.uid, ...fields },
    }),
  );
const patch = (text: string) =>
  review({ allowed: true, patchType: "JSONPatch", patch: Buffer.from(text).toString("base64") });

/** What a webhook may do instead of answering, by its path. */
const behaviours: Record<string, Behaviour> = {
  garbage: (_, response) => response.end("\0{{"),
  html: (_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
  null: (_, response) => response.end("null"),
  list: (_, response) => response.end("[]"),
  nested: (_, response) => response.end('{"response":'.repeat(100_000)),
  "other-types": (_, response) =>
    response.end('{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":1,"allowed":"x"}}'),
  "prototype-pollution": review({ allowed: "true", __proto__: { allowed: true } }),
  close: (request) => request.socket.destroy(),
  "close-halfway": (request, response) => {
    response.writeHead(200, { "content-length": "1000" }).write('{"apiVersion"');
    setTimeout(() => request.socket.destroy(), 20);
  },
  hang: () => {},
  "hang-halfway": (_, response) => response.writeHead(200).write("{"),
  trickle: (_, response) => {
    const timer = setInterval(() => response.write(" "), 50);
    response.on("close", () => clearInterval(timer));
  },
  endless: (_, response) => {
    const chunk = Buffer.alloc(1024 * 1024, " ");
    const more = () => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on("drain", more);
    more();
  },
  redirect: (_, response) => response.writeHead(302, { location: "/garbage" }).end(),
  "patch-no-base64": review({ allowed: true, patchType: "JSONPatch", patch: "!!!" }),
  "patch-garbage": patch("{{{"),
  "patch-of-nothing": patch('[{"op":"remove","path":"/zork"}]'),
  "patch-all": patch('[{"op":"replace","path":"","value":null}]'),
  "patch-copies": patch(
    JSON.stringify(
      Array.from({ length: 60 }, (_, i) => ({ op: "copy", from: "/metadata", path: `/metadata/annotations/x${i}` })),
    ),
  ),
  "patch-nested": patch(`[{"op":"add","path":"/zork","value":${"[".repeat(9000)}${"]".repeat(9000)}}]`),
};

let target: Target;
let server: https.Server;
let clientConfig: (path: string) => { url: string; caBundle: string };

beforeAll(async () => {
  target = await openTarget();
  const authority = createCertificateAuthority("webhooks", Date.now());
  const { key, cert } = authority.issue({ commonName: "webhook", hosts: ["127.0.0.1"], usage: "server" });
  server = https.createServer({ key, cert }, (request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk;
    });
    response.on("error", () => {});
    request.on("error", () => {});
    request.on("end", () => {
      behaviours[(request.url as string).slice(1).replace(/\?.*/, "")]?.(request, response, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  clientConfig = (path) => ({
    url: `https://127.0.0.1:${port}/${path}`,
    caBundle: Buffer.from(authority.cert).toString("base64"),
  });
  for (const [kind, rest] of [
    ["Mutating", { reinvocationPolicy: "Never" }],
    ["Validating", {}],
  ] as const) {
    for (const failurePolicy of ["Fail", "Ignore"]) {
      await configure(kind, failurePolicy, rest);
    }
  }
});
afterAll(async () => {
  await target.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  expect(target.faults).toEqual([]);
});

/** One webhook for each behaviour, called for objects that name it, the kind and the policy in a label. */
async function configure(kind: string, failurePolicy: string, rest: object): Promise<void> {
  const webhooks = Object.keys(behaviours).map((name) => ({
    name: `${name}.example.com`,
    clientConfig: clientConfig(name),
    sideEffects: "None",
    admissionReviewVersions: ["v1"],
    timeoutSeconds: 1,
    failurePolicy,
    objectSelector: { matchLabels: { probe: `${kind}-${failurePolicy}-${name}` } },
    rules: [{ operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] }],
    ...rest,
  }));
  const made = await target.send({
    method: "POST",
    path: `/apis/admissionregistration.k8s.io/v1/${kind.toLowerCase()}webhookconfigurations`,
    body: JSON.stringify({
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: `${kind}WebhookConfiguration`,
      metadata: { name: `${kind}-${failurePolicy}`.toLowerCase() },
      webhooks,
    }),
  });
  expect(made).toMatchObject({ status: 201 });
}

const create = (probe: string) =>
  target.send({
    method: "POST",
    path: configMaps,
    body: JSON.stringify({ metadata: { name: probe.toLowerCase(), labels: { probe } } }),
  });

describe.each(["Mutating", "Validating"])("%s", (kind) => {
  // A validating webhook's patch is not looked at… but it must not have one.
  const names = Object.keys(behaviours).filter((name) => kind === "Mutating" || !name.startsWith("patch"));
  test.each(names)("%s", { timeout: 20_000 }, async (name) => {
    const refused = `${kind}-Fail-${name}`;
    const { status, body } = await create(refused);
    expect({ status, body }).toEqual({
      // Upstream has 500 for a webhook that fails; a patch that does not fit is the webhook's failure too.
      status: expect.toSatisfy((code: number) => code >= 400),
      body: expect.objectContaining({ kind: "Status", status: "Failure", message: expect.any(String), code: status }),
    });
    expect((body as { message: string }).message.length).toBeLessThan(10_000);
    expect((await target.send({ method: "GET", path: `${configMaps}/${refused.toLowerCase()}` })).status).toBe(404);
    // Whatever it was, others are served meanwhile, and failurePolicy Ignore does without it.
    expect((await create(`other-${kind}-${name}`)).status).toBe(201);
    if (!name.startsWith("patch")) expect((await create(`${kind}-Ignore-${name}`)).status).toBe(201);
  });
});
