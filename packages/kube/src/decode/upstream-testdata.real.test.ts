import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseJson, stringifyJson } from "../json.ts";
import { type KubeObject, parseApiVersion } from "../object.ts";
import { upstreamTestdata } from "../testing/upstream-testdata.ts";
import { nativeTypes } from "../types/table.ts";
import { decodeNative } from "./native.ts";
import { decodeProtobuf } from "./protobuf.ts";

/** Upstream's own samples of every kind, each in JSON and protobuf, of this release and the two before it. */
const folder = upstreamTestdata();

describe.skipIf(folder === undefined)("samples of k8s.io/api (needs Go and the module in its cache)", () => {
  test.each(["HEAD", "v1.34.0", "v1.33.0"])("of %s: protobuf and JSON decode to what upstream wrote", (release) => {
    const samples = readSamples(join(folder ?? "", release));
    expect(samples.length).toBeGreaterThan(80);
    for (const { name, object, structName, protobuf } of samples) {
      const fromJson = decodeNative(object, structName);
      expect(stringifyJson(fromJson.object), name).toBe(stringifyJson(object));
      expect(fromJson.unknown, name).toEqual([]);
      const fromProtobuf = decodeProtobuf(protobuf);
      expect(stringifyJson(fromProtobuf.object), name).toBe(stringifyJson(object));
      expect(fromProtobuf.unknown, name).toBeUndefined();
    }
  });
});

interface Sample {
  name: string;
  object: KubeObject;
  structName: string;
  protobuf: Uint8Array;
}

/** The samples whose kind the table has; "after_roundtrip" files stand beside those that lose something. */
function readSamples(path: string): Sample[] {
  const samples: Sample[] = [];
  for (const file of readdirSync(path)) {
    if (!file.endsWith(".pb") || file.includes("after_roundtrip")) continue;
    const base = join(path, file.slice(0, -".pb".length));
    const json = [`${base}.after_roundtrip.json`, `${base}.json`].find((candidate) => existsSync(candidate));
    if (json === undefined) continue;
    const object = parseJson(readFileSync(json)).value as unknown as KubeObject;
    const { group, version } = parseApiVersion(object.apiVersion ?? "");
    const structName = nativeTypes().structOfKind(group, version, object.kind)?.name;
    if (structName !== undefined)
      samples.push({ name: file, object, structName, protobuf: readFileSync(join(path, file)) });
  }
  return samples;
}
