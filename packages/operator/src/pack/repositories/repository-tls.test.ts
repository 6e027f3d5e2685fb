import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCertificateAuthority } from "@podwright/pki";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ChartCache } from "../charts/chart-cache.ts";
import { packChart } from "../testing/chart-archive.ts";
import { type ChartServer, serveCharts } from "../testing/chart-server.ts";
import { type Credentials, Downloader } from "./download.ts";

const authority = createCertificateAuthority("private", Date.now());
const stranger = createCertificateAuthority("stranger", Date.now());
const serverPair = authority.issue({ commonName: "charts", hosts: ["127.0.0.1"], usage: "server" });
const clientPair = authority.issue({ commonName: "podwright", usage: "client" });

let server: ChartServer;
let folder: string;
let downloader: Downloader | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "podwright-tls-"));
  server = await serveCharts({ tls: { ...serverPair, ca: authority.cert } });
});
afterEach(async () => {
  downloader?.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const get = (credentials: Credentials) => {
  downloader = new Downloader(credentials);
  return downloader.get(`${server.url}/charts/app-1.0.0.tgz`, { maxBytes: 1 << 20, timeoutMs: 10_000 });
};

test("a repository behind a private authority that asks for a client's certificate", async () => {
  const archive = await packChart("app", "1.0.0");
  server.add("app", "1.0.0", archive);
  const { body } = await get({ ca: authority.cert, ...clientPair });
  expect((await new ChartCache(folder).put(body, "", "here")).content.name).toBe("app");
});

test.each<[string, Credentials, RegExp]>([
  ["without the authority", { ...clientPair }, /certificate/],
  ["without a certificate", { ca: authority.cert }, /certificate required|socket hang up|ECONNRESET|alert/],
  [
    "with another's certificate",
    { ca: authority.cert, ...stranger.issue({ commonName: "podwright", usage: "client" }) },
    /unknown ca|socket hang up|ECONNRESET|alert/,
  ],
])("%s nothing is fetched, and the reason is told", async (_how, credentials, message) => {
  server.add("app", "1.0.0", await packChart("app", "1.0.0"));
  const error = await get(credentials).catch((failure: Error) => failure);
  expect(error).toMatchObject({ reason: "FetchFailed", message: expect.stringMatching(message) });
  expect(String(error)).not.toContain("PRIVATE KEY");
  expect(server.requests).toEqual([]);
});
