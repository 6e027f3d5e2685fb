import { describe, expect, it } from "vitest";
import { Negotiator } from "./negotiation.ts";

const negotiate = (accept: string | undefined, tables = true) =>
  new Negotiator().negotiate(
    accept === undefined ? {} : { accept },
    new URLSearchParams(),
    ({ kind }) => tables && kind === "Table",
  );
const table = { kind: "Table", group: "meta.k8s.io", version: "v1" };

describe("the form of an answer", () => {
  it.each([
    ["nothing", undefined, {}],
    ["what kubectl gets with", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json", { as: table }],
    ["what client-go sends", "application/vnd.kubernetes.protobuf,application/json", {}],
    ["everything", "*/*", {}],
    ["what a browser sends", "text/html,application/xhtml+xml,*/*;q=0.8", {}],
    ["YAML", "application/yaml", { mediaType: "application/yaml" }],
    ["JSON rather than YAML", "application/yaml;q=0.5,application/json", {}],
    ["a form that is not there, or JSON", "application/json;as=Foo;g=meta.k8s.io;v=v1,application/json", {}],
  ])("follows %s", (_, accept, expected) => {
    expect(negotiate(accept)).toEqual({ mediaType: "application/json", pretty: false, ...expected });
  });

  it.each(["text/plain", "application/vnd.kubernetes.protobuf", "application/json;as=Table;g=meta.k8s.io;v=v1"])(
    "is refused for %s",
    (accept) => {
      expect(() => negotiate(accept, false)).toThrow(/application\/json, application\/yaml/);
    },
  );
});
