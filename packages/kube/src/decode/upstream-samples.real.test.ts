import { execFileSync, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parseJson, stringifyJson } from "../json.ts";
import { type KubeObject, parseApiVersion } from "../object.ts";
import { nativeTypes } from "../types/table.ts";
import { decodeNative } from "./native.ts";
import { decodeProtobuf } from "./protobuf.ts";

const typegen = fileURLToPath(new URL("../../../../scripts/typegen", import.meta.url));
const hasGo = spawnSync("go", ["version"]).status === 0;

describe.skipIf(!hasGo)("random objects of every kind, as upstream writes them (needs Go)", () => {
  test("read from protobuf and from JSON as upstream reads them", () => {
    const lines = execFileSync("go", ["run", "./samples"], { cwd: typegen, encoding: "utf8", maxBuffer: 1 << 28 });
    for (const line of lines.trim().split("\n")) {
      const sample = parseJson(line).value as unknown as { kind: string; pb: string; json: KubeObject };
      const { group, version } = parseApiVersion(sample.json.apiVersion);
      const struct = nativeTypes().structOfKind(group, version, sample.json.kind);
      const wanted = stringifyJson(sample.json);
      expect(stringifyJson(decodeProtobuf(Buffer.from(sample.pb, "base64")).object), sample.kind).toBe(wanted);
      expect(stringifyJson(decodeNative(sample.json, struct?.name ?? "").object), sample.kind).toBe(wanted);
    }
  }, 600_000);
});
