import { describe, expect, it } from "vitest";
import { type Endpoint, Negotiator } from "./negotiation.ts";

const negotiate = (accept: string | undefined, endpoint: Endpoint = {}) =>
  new Negotiator().negotiate(accept === undefined ? {} : { accept }, new URLSearchParams(), endpoint);
const table = { kind: "Table", group: "meta.k8s.io", version: "v1" };
const tables: Endpoint = {
  allows: ({ kind }, mediaType) => kind === "Table" && mediaType !== "application/vnd.kubernetes.protobuf",
};
const protobuf = { mediaType: "application/vnd.kubernetes.protobuf" };

describe("the form of an answer", () => {
  it.each([
    ["nothing", undefined, {}],
    ["what kubectl gets with", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json", { as: table }],
    ["what client-go sends", "application/vnd.kubernetes.protobuf,application/json", protobuf],
    ["what client-go watches with", "application/vnd.kubernetes.protobuf;stream=watch,application/json", protobuf],
    ["everything", "*/*", {}],
    ["what a browser sends", "text/html,application/xhtml+xml,*/*;q=0.8", {}],
    ["YAML", "application/yaml", { mediaType: "application/yaml" }],
    ["JSON rather than YAML", "application/yaml;q=0.5,application/json", {}],
    ["a form that is not there, or JSON", "application/json;as=Foo;g=meta.k8s.io;v=v1,application/json", {}],
    [
      "a Table, which protobuf has not",
      "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1;g=meta.k8s.io",
      { as: table },
    ],
    ["no stream but watch", "application/json;stream=x,application/yaml;stream=watch,*/*;q=0.1", {}],
  ])("follows %s", (_, accept, expected) => {
    expect(negotiate(accept, tables)).toEqual({ mediaType: "application/json", pretty: false, ...expected });
  });

  it("of custom resources is not protobuf", () => {
    const accept = "application/vnd.kubernetes.protobuf,application/json";
    expect(negotiate(accept, { isCustom: true }).mediaType).toBe("application/json");
  });

  const three = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
  const noRepresentation = "406: Not Acceptable\n\nAvailable representations: ";
  it.each<[string, Endpoint, string]>([
    ["text/plain", {}, `${noRepresentation}${three}`],
    [
      "text/plain",
      { isList: true },
      `${noRepresentation}${three}, application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch`,
    ],
    ["text/plain", { isCustom: true }, `only the following media types are accepted: ${three}`],
    [
      "application/vnd.kubernetes.protobuf",
      { isCustom: true },
      `only the following media types are accepted: ${three}`,
    ],
    ["application/json;as=Table;g=meta.k8s.io;v=v1", {}, `only the following media types are accepted: ${three}`],
  ])("is refused for %s of %o", (accept, endpoint, message) => {
    expect(() => negotiate(accept, endpoint)).toThrow(
      expect.objectContaining({ status: expect.objectContaining({ code: 406, message }) }),
    );
  });

  it("is JSON for errors when nothing that is accepted will do", () => {
    const error = (accept: string) => new Negotiator().negotiateError({ accept }, new URLSearchParams()).mediaType;
    expect(error("application/vnd.kubernetes.protobuf")).toBe("application/vnd.kubernetes.protobuf");
    expect(error("application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")).toBe(
      "application/json",
    );
    expect(error("text/plain")).toBe("application/json");
  });
});
