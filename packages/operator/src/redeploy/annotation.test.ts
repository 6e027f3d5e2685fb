import { expect, test } from "vitest";
import { AnnotationError, formatReference, parseWaitMs, parseWatchList, readAnnotations } from "./annotation.ts";

const parsed = (text: string) => parseWatchList(text).references.map(formatReference);

test("segments are divided by commas, white space, or both", () => {
  expect(parsed("configmap/cm-1, secret/sec-2,secret/tls-secret")).toEqual([
    "configmap/cm-1",
    "secret/sec-2",
    "secret/tls-secret",
  ]);
  expect(parsed("configmap/a secret/b\n\tsecret/c.d ,, ")).toEqual(["configmap/a", "secret/b", "secret/c.d"]);
  expect(parsed(" ")).toEqual([]);
});

test("one key may be named, and the same reference counts once", () => {
  expect(parseWatchList("configmap/a#log.level,configmap/a,configmap/a").references).toEqual([
    { kind: "ConfigMap", name: "a", key: "log.level" },
    { kind: "ConfigMap", name: "a" },
  ]);
});

test("auto may stand alone or beside others", () => {
  expect(parseWatchList("auto")).toEqual({ auto: true, references: [] });
  expect(parseWatchList("secret/x auto")).toEqual({ auto: true, references: [{ kind: "Secret", name: "x" }] });
});

test.each([
  ["cm-1", '"cm-1": must be configmap/NAME, secret/NAME, configmap/NAME#KEY, secret/NAME#KEY or auto'],
  ["configmap/a, pod/b", '"pod/b": unknown resource "pod": must be configmap or secret'],
  ["ConfigMap/a", '"ConfigMap/a": unknown resource "ConfigMap": must be configmap or secret'],
  ["constructor/a", '"constructor/a": unknown resource "constructor": must be configmap or secret'],
  ["secret/", '"secret/": the name of the secret is missing'],
  ["secret/#k", '"secret/#k": the name of the secret is missing'],
  ["secret/a#", '"secret/a#": the key after # is missing'],
  ["configmap/A_b", '"configmap/A_b": "A_b" is no name of a configmap: '],
  ["configmap/a/b", '"configmap/a/b": "a/b" is no name of a configmap: '],
  ["secret/a#b/c", '"secret/a#b/c": "b/c" is no key of a secret: '],
  ["configmap/a;secret/b", '"configmap/a;secret/b": "a;secret/b" is no name of a configmap: '],
])("%s is refused, and the segment is named", (text, message) => {
  expect(() => parseWatchList(text)).toThrow(AnnotationError);
  expect(() => parseWatchList(text)).toThrow(message);
});

test("durations are Go's", () => {
  expect(["0", "0s", "2s", "1m30s", "500ms", "1.5h"].map(parseWaitMs)).toEqual([0, 0, 2000, 90_000, 500, 5_400_000]);
  for (const wrong of ["", "2", "-1s", "2 s", "1d"]) expect(() => parseWaitMs(wrong)).toThrow(AnnotationError);
});

test("all annotations count together, and a wrong one is named", () => {
  expect(
    readAnnotations({
      "pack-operator.k8s.kubit.ir/watch-to-redeploy": "configmap/a",
      "podwright.dev/watch-to-redeploy": "auto",
      "podwright.dev/redeploy-after": "0s",
      "podwright.dev/redeploy-min-interval": "5m",
    }),
  ).toEqual({
    watch: { auto: true, references: [{ kind: "ConfigMap", name: "a" }] },
    quietMs: 0,
    minIntervalMs: 300_000,
  });
  expect(readAnnotations({ "podwright.dev/redeploy-after": "1s" })).toBeUndefined();
  expect(() => readAnnotations({ "podwright.dev/redeploy-after": "soon" })).toThrow(
    'metadata.annotations[podwright.dev/redeploy-after]: "soon": must be a duration such as "2s", "1m30s" or "500ms"',
  );
});
