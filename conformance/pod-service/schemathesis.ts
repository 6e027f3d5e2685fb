// `node schemathesis.ts PROGRAM REPORT [ARGUMENT…]`: schemathesis (PyPI) sends what the service's OpenAPI document
// allows, and what it does not, to a service on an embedded cluster, and compares the answers with the document. What it
// did goes as JSON to the file REPORT, for scripts/count-tests.cjs; what it said is printed when it found something.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { type Client, namespaces, persistentVolumeClaims, secrets } from "@podwright/client";
import { startCluster } from "@podwright/cluster";
import type { JsonObject } from "@podwright/kube";
import { defaultConfig, type PodService, startPodService } from "@podwright/pod-service";
import { caller, copyJob, key, makeTenant, shellPod } from "./service-lane.ts";

const [program = "schemathesis", reportPath = "schemathesis.json", ...args] = process.argv.slice(2);
const tenant = "acme";
const token = "token-of-acme";
const runsBefore = 40;

/** What schemathesis' JSON report has of interest here. */
interface Report {
  operations: { selected: number };
  test_cases: { generated: number; with_failures: number };
}

const folder = await mkdtemp(join(tmpdir(), "schemathesis-"));
try {
  await using cluster = await startCluster({ nodes: 1 });
  const service = await startPodService({
    client: cluster.client,
    config: { ...defaultConfig, port: 0, moopkey: key, logLevel: "error" },
  });
  try {
    await equipTenant(cluster.client);
    process.exitCode = await run(service, await makeRuns(service));
  } finally {
    await service.stop();
  }
} finally {
  await rm(folder, { recursive: true });
}

/** A tenant that grants what the document allows. */
async function equipTenant(client: Client): Promise<void> {
  await client.resource(namespaces).create({ apiVersion: "v1", kind: "Namespace", metadata: { name: tenant } });
  await client.resource(secrets).create({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "token", namespace: tenant },
    stringData: { token },
  });
  for (const name of ["results", "inputs"]) {
    await client.resource(persistentVolumeClaims).create({
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name, namespace: tenant },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } },
    });
  }
  // Whatever the command is, the run writes a line and ends: logs and waits have an end.
  const args = ["/bin/sh", "-c", "echo hello", "{}"];
  const pod = shellPod({ containers: [{ name: "main", image: "busybox:1.28.4", args }] });
  const job = structuredClone(copyJob) as JsonObject & { spec: { template: { spec: { containers: JsonObject[] } } } };
  job.spec.template.spec.containers[0]!["args"] = args;
  await makeTenant({ client }, tenant, {
    templates: { pod, copy: job },
    tokens: [{ secretRef: { name: "token" } }],
  });
}

/** Makes some runs; gives their names. */
async function makeRuns(service: PodService): Promise<string[]> {
  const call = caller(service.url);
  return Promise.all(
    Array.from({ length: runsBefore }, async () => {
      const { body, status } = await call("POST", "/pods?wait=completed", {
        body: { cmd: "true", template: "pod" },
        token,
      });
      if (status !== 201) throw new Error(`POST /pods: ${status} ${JSON.stringify(body)}`);
      return body.run.name as string;
    }),
  );
}

async function run(service: PodService, names: readonly string[]): Promise<number> {
  const config = join(folder, "schemathesis.toml");
  const written = await readFile(fileURLToPath(new URL("schemathesis.toml", import.meta.url)), "utf8");
  await writeFile(config, `${written}runs.values = ${JSON.stringify(names)}\n`);
  const child = spawn(
    program,
    [
      "--config-file",
      config,
      "run",
      `${service.url}/openapi.json`,
      "--max-examples=25",
      "--request-timeout=10",
      // Which templates a tenant has, and what they take, is not for the document to say.
      "--exclude-checks=positive_data_acceptance",
      "--seed=1",
      "--generation-database=none",
      "--no-color",
      "--report=json",
      `--report-json-path=${resolve(reportPath)}`,
      ...args,
    ],
    { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, MOOPKEY: key, TENANT_TOKEN: token } },
  );
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, "close") as Promise<[number | null]>]);
  if (code !== 0) {
    process.stdout.write(said);
    return code ?? 1;
  }
  const { operations, test_cases } = JSON.parse(await readFile(reportPath, "utf8")) as Report;
  process.stdout.write(
    `schemathesis: ${operations.selected} operations, ${test_cases.generated} cases, ${test_cases.with_failures} failures\n`,
  );
  return 0;
}
