import { X509Certificate } from "node:crypto";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openPki } from "./pki.ts";

let directory: string;
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), "podwright-pki-")), "pki");
});
afterEach(() => rm(join(directory, ".."), { recursive: true }));

describe("the control plane's keys", () => {
  it("are kept for the owner only, and found again", async () => {
    const first = await openPki({ directory, now: Date.now() });
    const files = await readdir(directory);
    expect(files).toEqual(["pki.json"]);
    expect((await stat(join(directory, "pki.json"))).mode & 0o777).toBe(0o600);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect(await openPki({ directory, now: Date.now() })).toEqual(first);
  });

  it("stay when the server gets another name", async () => {
    const first = await openPki({ directory, now: Date.now() });
    const second = await openPki({ directory, hosts: ["192.0.2.1", "cluster.example"], now: Date.now() });
    expect({ ...second, server: first.server }).toEqual(first);
    const server = new X509Certificate(second.server.cert);
    expect(server.checkHost("cluster.example")).toBeDefined();
    expect(server.checkIP("192.0.2.1")).toBeDefined();
    expect(server.verify(new X509Certificate(first.ca.cert).publicKey)).toBe(true);
  });

  it("are good for clients in the cluster and on this machine", async () => {
    const { server, ca, admin } = await openPki({ now: Date.now() });
    const certificate = new X509Certificate(server.cert);
    for (const host of ["localhost", "kubernetes.default.svc"]) expect(certificate.checkHost(host)).toBeDefined();
    for (const address of ["127.0.0.1", "::1", "10.96.0.1"]) expect(certificate.checkIP(address)).toBeDefined();
    const authority = new X509Certificate(ca.cert);
    expect(authority.ca).toBe(true);
    expect(certificate.checkIssued(authority)).toBe(true);
    expect(new X509Certificate(admin.cert).subject).toBe("O=system:masters\nCN=kubernetes-admin");
  });
});
