import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { decodeProtobuf } from "../decode/protobuf.ts";
import { parseJson } from "../json.ts";
import type { KubeObject } from "../object.ts";
import { upstreamTestdata } from "../testing/upstream-testdata.ts";
import { nativeTypes } from "../types/table.ts";
import { ProtobufEncoder } from "./protobuf.ts";

const encoder = new ProtobufEncoder(nativeTypes());
const hasGo = spawnSync("go", ["version"]).status === 0;
/** Upstream's own samples of every kind, of this release and the two before it. */
const folder = upstreamTestdata();

describe.skipIf(folder === undefined)("samples of k8s.io/api (needs Go and the module in its cache)", () => {
  test.each(["HEAD", "v1.34.0", "v1.33.0"])("of %s: what was decoded is encoded to the same bytes", (release) => {
    let count = 0;
    const path = join(folder ?? "", release);
    for (const name of readdirSync(path).filter((file) => file.endsWith(".pb"))) {
      // Fields that are no longer there; what is left of them stands beside.
      if (existsSync(join(path, name.replace(/\.pb$/, ".after_roundtrip.pb")))) continue;
      const bytes = readFileSync(join(path, name));
      const object = decoded(bytes);
      if (object === undefined) continue;
      count++;
      expect(encoder.encode(object).equals(bytes), name).toBe(true);
    }
    expect(count).toBeGreaterThan(80);
  });
});

describe.skipIf(!hasGo)("random objects of every kind, as upstream writes them (needs Go)", () => {
  test("are encoded from JSON to upstream's bytes", () => {
    const typegen = fileURLToPath(new URL("../../../../scripts/typegen", import.meta.url));
    const lines = execFileSync("go", ["run", "./samples"], { cwd: typegen, encoding: "utf8", maxBuffer: 1 << 28 });
    for (const line of lines.trim().split("\n")) {
      const sample = parseJson(line).value as unknown as { kind: string; written: string; json: KubeObject };
      const bytes = encoder.encode(sample.json as never);
      const wanted = Buffer.from(sample.written, "base64");
      // Hexadecimal shows what differs.
      if (!bytes.equals(wanted)) expect(bytes.toString("hex"), sample.kind).toBe(wanted.toString("hex"));
    }
  }, 600_000);
});

/** Undefined for kinds that the table lacks. */
function decoded(bytes: Uint8Array) {
  try {
    return decodeProtobuf(bytes).object;
  } catch (error) {
    if (String(error).includes("is registered for version")) return undefined;
    throw error;
  }
}
