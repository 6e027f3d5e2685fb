import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  isCIdentifier,
  isConfigMapKey,
  isDns1035Label,
  isDns1123Label,
  isDns1123Subdomain,
  isEnvVarName,
  isHttpHeaderName,
  isLabelValue,
  isPathSegmentName,
  isPercent,
  isPortName,
  isPortNumber,
  isQualifiedName,
  isRelaxedEnvVarName,
  isWildcardDns1123Subdomain,
} from "./names.ts";

/** In the order of the errors in a line of the data. */
const rules = [
  isDns1123Label,
  isDns1123Subdomain,
  isDns1035Label,
  isQualifiedName,
  isLabelValue,
  isConfigMapKey,
  isEnvVarName,
  isRelaxedEnvVarName,
  isPortName,
  isWildcardDns1123Subdomain,
  isCIdentifier,
  isHttpHeaderName,
  isPercent,
];

/** What k8s.io/apimachinery/pkg/util/validation said of names. */
const cases = readFileSync(new URL("./testdata/names.jsonl", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as { text: string; errors: string[][] });

describe("names", () => {
  it.each(cases)("'$text' is judged with upstream's texts", ({ text, errors }) => {
    expect(rules.map((rule) => rule(text))).toEqual(errors);
  });

  it("in paths hold no slash or percent sign", () => {
    expect(isPathSegmentName("a.b")).toEqual([]);
    expect(isPathSegmentName("..")).toEqual(["may not be '..'"]);
    expect(isPathSegmentName("..", true)).toEqual([]);
    expect(isPathSegmentName("a/b%")).toEqual(["may not contain '/'", "may not contain '%'"]);
  });

  it("of ports may be numbers in their range", () => {
    expect(isPortNumber(65535)).toEqual([]);
    expect(isPortNumber(0)).toEqual(["must be between 1 and 65535, inclusive"]);
  });
});
