import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseJson, stringifyJson } from "../json.ts";
import { type KubeObject, parseApiVersion } from "../object.ts";
import { nativeTypes } from "../types/table.ts";
import { decodeNative } from "./native.ts";
import { decodeProtobuf } from "./protobuf.ts";

/** Random objects of every kind, written by `cd scripts/typegen && go run ./samples > FILE`; KUBE_SAMPLES names the file. */
const file = process.env["KUBE_SAMPLES"];

describe.skipIf(file === undefined)("random objects of upstream (KUBE_SAMPLES)", () => {
  test("read from protobuf and from JSON as upstream reads them", () => {
    for (const line of readFileSync(file ?? "", "utf8")
      .trim()
      .split("\n")) {
      const sample = parseJson(line).value as unknown as { kind: string; pb: string; json: KubeObject };
      const { group, version } = parseApiVersion(sample.json.apiVersion);
      const struct = nativeTypes().structOfKind(group, version, sample.json.kind);
      const wanted = stringifyJson(sample.json);
      expect(stringifyJson(decodeProtobuf(Buffer.from(sample.pb, "base64")).object), sample.kind).toBe(wanted);
      expect(stringifyJson(decodeNative(sample.json, struct?.name ?? "").object), sample.kind).toBe(wanted);
    }
  });
});
