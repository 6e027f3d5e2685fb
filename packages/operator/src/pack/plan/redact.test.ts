import type { KubeObject } from "@podwright/kube";
import { expect, test } from "vitest";
import { formerSecrets } from "./former-secrets.ts";
import { shownPair } from "./redact.ts";

const secret = (data: Record<string, string>): KubeObject => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: {
    name: "s",
    uid: "1",
    annotations: { "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify(data), note: "x" },
  },
  data,
});

test("a Secret's values are not shown, but whether they differ", () => {
  const pair = shownPair(
    secret({ same: "YQ==", other: "Yg==" }),
    secret({ same: "YQ==", other: "Yw==", more: "ZA==" }),
  );
  expect(pair.map((object) => object?.["data"])).toEqual([
    { same: "***", other: "*** (before)" },
    { same: "***", other: "*** (after)", more: "*** (after)" },
  ]);
  expect(JSON.stringify(pair)).not.toMatch(/YQ==|Yg==|Yw==|ZA==/);
  expect(pair[0]?.metadata.annotations).toEqual({ note: "x" });
});

test("other objects are shown without what the server sets", () => {
  const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c", resourceVersion: "4" }, data: { a: "1" } };
  expect(shownPair(undefined, map)).toEqual([
    undefined,
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" }, data: { a: "1" } },
  ]);
});

test("where texts of Secrets stand now, others stood before", () => {
  const former = { db: { password: "old-password", user: "app" }, list: [{ token: "old-token" }], more: "x" };
  const values = { db: { password: "new-password", user: "app2" }, list: [{ token: "new-token" }], own: "new-token" };
  expect(formerSecrets(former, values, ["new-password", "new-token"])).toEqual(["old-password", "old-token"]);
  expect(formerSecrets(undefined, values, ["new-password"])).toEqual([]);
});
