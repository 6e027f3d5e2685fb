// `node schemathesis.ts PROGRAM [ARGUMENT…]`: schemathesis (PyPI) sends what the service's OpenAPI document allows, and
// what it does not, to a service on an embedded cluster, and compares the answers with the document.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { startCluster } from "@podwright/cluster";
import { defaultConfig, startPodService } from "@podwright/pod-service";
import { copyJob, key, makeTenant, shellPod } from "./service-lane.ts";

const [program = "schemathesis", ...args] = process.argv.slice(2);
await using cluster = await startCluster({ nodes: 1 });
const { client } = cluster;
const service = await startPodService({
  client,
  config: { ...defaultConfig, port: 0, moopkey: key, logLevel: "error" },
});
await makeTenant({ client }, "acme", { createNamespace: true, templates: { pod: shellPod(), copy: copyJob } });
const child = spawn(
  program,
  [
    "--config-file",
    fileURLToPath(new URL("schemathesis.toml", import.meta.url)),
    "run",
    `${service.url}/openapi.json`,
    "--header",
    `moopkey: ${key}`,
    // Streams end when their runs do; there is no schema of their contents.
    "--exclude-path-regex=/events$",
    "--max-examples=25",
    "--request-timeout=10",
    // Which tenant there is, and that the key's users must name one, is not for the document to say.
    "--exclude-checks=positive_data_acceptance",
    "--seed=1",
    "--generation-database=none",
    "--no-color",
    ...args,
  ],
  { stdio: "inherit" },
);
process.exitCode = await new Promise<number>((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
await service.stop();
