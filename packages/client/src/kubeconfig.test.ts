import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { ManualClock } from "@podwright/clock";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { ConnectionConfigError } from "./connection-config.ts";
import { clientCertificateCredentials, tokenFileCredentials } from "./file-credentials.ts";
import { inClusterConfig } from "./in-cluster.ts";
import { type LoadKubeconfigOptions, loadKubeconfig } from "./kubeconfig.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kubeconfig-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | object): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === "string" ? content : stringify(content));
  return path;
}

/** A kubeconfig with one context. */
function config(cluster: object, user: object = {}, context: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "c", cluster: { server: "https://host:6443", ...cluster } }],
    users: [{ name: "u", user }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u", ...context } }],
    "current-context": "x",
  };
}

function load(content: object, options: LoadKubeconfigOptions = {}) {
  return loadKubeconfig({ path: write("config", content), env: {}, ...options });
}

describe("which file", () => {
  test("the one named, which must be there", () => {
    expect(load(config({})).server).toBe("https://host:6443");
    const path = join(folder, "none");
    expect(() => loadKubeconfig({ path, env: {} })).toThrow(`kubeconfig ${path}: no such file`);
  });

  test("those of KUBECONFIG, of which the first that has an entry wins, and missing ones are left out", () => {
    const first = write("first", {
      clusters: [{ name: "c", cluster: { server: "https://first" } }],
      contexts: [{ name: "one", context: { cluster: "c" } }],
    });
    const second = write("second", {
      clusters: [
        { name: "c", cluster: { server: "https://second", "tls-server-name": "second" } },
        { name: "d", cluster: { server: "https://other" } },
      ],
      contexts: [{ name: "two", context: { cluster: "d", namespace: "ns" } }],
      "current-context": "one",
    });
    const third = write("third", { "current-context": "two" });
    const env = { KUBECONFIG: ["", join(folder, "none"), first, second, third, first].join(delimiter) };
    expect(loadKubeconfig({ env })).toMatchObject({ server: "https://first", namespace: "default", tls: {} });
    expect(loadKubeconfig({ env }).tls).toEqual({});
    expect(loadKubeconfig({ env, context: "two" })).toMatchObject({ server: "https://other", namespace: "ns" });
  });

  test("else ~/.kube/config", () => {
    write(".kube/config", config({ server: "https://home" }));
    expect(loadKubeconfig({ env: { HOME: folder } }).server).toBe("https://home");
  });

  test("none at all is an error that says what to do", () => {
    expect(() => loadKubeconfig({ env: { HOME: folder } })).toThrow(
      `no kubeconfig: there is no ${join(folder, ".kube", "config")}; name one with --kubeconfig or the KUBECONFIG variable`,
    );
  });
});

describe("what is wrong is told", () => {
  test.each<[string, object, LoadKubeconfigOptions, RegExp]>([
    ["no context", { contexts: [] }, {}, /no current-context is set; name one with --context/],
    ["an unknown context", config({}), { context: "y" }, /no context "y" \(there is: x\)/],
    ["an unknown cluster", { ...config({}), clusters: [] }, {}, /context "x" names cluster "c", which is not there/],
    ["an unknown user", { ...config({}), users: [] }, {}, /context "x" names user "u", which is not there/],
    ["no server", config({ server: "" }), {}, /cluster "c" has no server/],
    ["a proxy", config({ "proxy-url": "http://p" }), {}, /proxy-url is not supported/],
    [
      "a CA that is not to be used",
      config({ "certificate-authority-data": "YQ==", "insecure-skip-tls-verify": true }),
      {},
      /cannot be given together with insecure-skip-tls-verify/,
    ],
    ["a CA that is not there", config({ "certificate-authority": "ca.crt" }), {}, /cannot read .*ca\.crt: ENOENT/],
    ["half a client certificate", config({}, { "client-key-data": "YQ==" }), {}, /needs both/],
    ["an old auth provider", config({}, { "auth-provider": { name: "gcp" } }), {}, /"gcp" is not supported/],
    ["another kind", { kind: "Pod" }, {}, /its kind is "Pod"/],
    ["an entry without a name", { users: [{ user: {} }] }, {}, /an entry of users has no name/],
  ])("%s", (_what, content, options, message) => {
    expect(() => load(content, options)).toThrow(ConnectionConfigError);
    expect(() => load(content, options)).toThrow(message);
  });

  test("text that is no YAML", () => {
    const path = write("config", "a: [");
    expect(() => loadKubeconfig({ path, env: {} })).toThrow(`kubeconfig ${path}: `);
  });
});

describe("the server", () => {
  test("is trusted by data, or by a file beside the kubeconfig; data goes first", () => {
    write("pki/ca.crt", "from file");
    const file = { "certificate-authority": "pki/ca.crt" };
    expect(String(load(config(file)).tls.ca)).toBe("from file");
    const both = { ...file, "certificate-authority-data": Buffer.from("from data").toString("base64") };
    expect(String(load(config(both)).tls.ca)).toBe("from data");
  });

  test("may go by another name, or unchecked", () => {
    expect(load(config({ "tls-server-name": "api", "insecure-skip-tls-verify": true })).tls).toEqual({
      serverName: "api",
      insecureSkipVerify: true,
    });
  });
});

describe("the user", () => {
  test("is a token, a password, or a client certificate", async () => {
    expect(await load(config({}, { token: "t" })).credentials.current()).toEqual({ authorization: "Bearer t" });
    expect(await load(config({}, { username: "me", password: "pä" })).credentials.current()).toEqual({
      authorization: `Basic ${Buffer.from("me:pä").toString("base64")}`,
    });
    write("me.crt", "certificate");
    const files = { "client-certificate": "me.crt", "client-key-data": Buffer.from("key").toString("base64") };
    const { certificate, key } = await load(config({}, files)).credentials.current();
    expect([String(certificate), String(key)]).toEqual(["certificate", "key"]);
  });

  test("has a token file beside the kubeconfig, which goes before a token", async () => {
    write("token", "from file\n");
    const user = { token: "t", tokenFile: "token" };
    expect(await load(config({}, user)).credentials.current()).toEqual({ authorization: "Bearer from file" });
  });

  test("may act as another", () => {
    const user = { as: "jane", "as-uid": "1", "as-groups": ["a", "b"], "as-user-extra": { "x/y": ["1"] } };
    expect(load(config({}, user)).headers).toEqual({
      "Impersonate-User": "jane",
      "Impersonate-Uid": "1",
      "Impersonate-Group": ["a", "b"],
      "Impersonate-Extra-x%2Fy": ["1"],
    });
  });
});

describe("files are looked at again", () => {
  test("a token's every minute, at once when it was refused; while it is gone the last one holds", async () => {
    const clock = new ManualClock();
    const path = write("token", "one");
    const credentials = tokenFileCredentials(path, { where: "user", clock });
    const first = await credentials.current();
    expect(first).toEqual({ authorization: "Bearer one" });
    write("token", "two");
    expect(await credentials.current()).toBe(first);
    clock.advance(60_000);
    expect(await credentials.current()).toEqual({ authorization: "Bearer two" });
    rmSync(path);
    clock.advance(60_000);
    expect(await credentials.current()).toEqual({ authorization: "Bearer two" });
    write("token", "three");
    expect(await credentials.rejected(first)).toBe(true);
    expect(await credentials.current()).toEqual({ authorization: "Bearer three" });
    expect(await credentials.rejected(await credentials.current())).toBe(false);
  });

  test("a certificate's every minute; the same content stays the same object", async () => {
    const clock = new ManualClock();
    const file = write("me.crt", "one");
    const credentials = clientCertificateCredentials({ file }, { data: Buffer.from("key") }, "user", clock);
    const first = await credentials.current();
    write("me.crt", "one");
    clock.advance(60_000);
    expect(await credentials.current()).toBe(first);
    write("me.crt", "two");
    clock.advance(60_000);
    expect(String((await credentials.current()).certificate)).toBe("two");
  });
});

describe("in a pod", () => {
  const env = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };

  test("the service account's files tell all", async () => {
    write("token", "t");
    write("ca.crt", "ca");
    write("namespace", "apps\n");
    const config = inClusterConfig({ env, folder });
    expect(config).toMatchObject({ server: "https://10.96.0.1:443", namespace: "apps" });
    expect(String(config.tls.ca)).toBe("ca");
    expect(await config.credentials.current()).toEqual({ authorization: "Bearer t" });
    expect(inClusterConfig({ env: { ...env, KUBERNETES_SERVICE_HOST: "fd00::1" }, folder }).server).toBe(
      "https://[fd00::1]:443",
    );
  });

  test("without them, or outside, it says so", () => {
    expect(() => inClusterConfig({ env, folder })).toThrow(/without a service account token/);
    expect(() => inClusterConfig({ env: {}, folder })).toThrow(/not in a pod/);
  });
});
