import type { Case } from "../differential/recorded.ts";
import {
  apply,
  configMap,
  configMaps,
  deployment,
  deployments,
  get,
  mergePatch,
  patch,
  post,
  remove,
} from "./requests.ts";

const bad = `${configMaps}/apply-bad`;
const yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: apply-bad\ndata:\n  a: '1'\n";

export const errorCases: Case[] = [
  {
    name: "errors",
    exchanges: [
      remove(bad),
      patch("no manager", bad, "application/apply-patch+yaml", configMap("apply-bad", {})),
      patch("force without apply", `${bad}?force=true`, mergePatch, {}),
      patch("CBOR", `${bad}?fieldManager=one`, "application/apply-patch+cbor", configMap("apply-bad", {})),
      apply("managedFields", bad, "one", configMap("apply-bad", {}, { managedFields: [{}] })),
      apply("empty managedFields", bad, "one", configMap("apply-bad", {}, { managedFields: [] })),
      apply("no apiVersion", bad, "one", { kind: "ConfigMap", metadata: { name: "apply-bad" } }),
      apply("no kind", bad, "one", { apiVersion: "v1", metadata: { name: "apply-bad" } }),
      apply("another version", bad, "one", { ...configMap("apply-bad", {}), apiVersion: "v2" }),
      apply("another kind", bad, "one", { ...configMap("apply-bad", {}), kind: "Secret" }),
      apply("another name", bad, "one", configMap("apply-other", {})),
      apply("another namespace", bad, "one", configMap("apply-bad", {}, { namespace: "other" })),
      apply(
        "a namespace that is not there",
        "/api/v1/namespaces/apply-nowhere/configmaps/apply-bad",
        "one",
        configMap("apply-bad", {}),
      ),
      apply("an unknown field", bad, "one", { ...configMap("apply-bad", {}), foo: 1 }),
      apply("unknown fields", `${deployments}/apply-bad`, "one", deployment("apply-bad", { foo: 1 })),
      apply("a wrong type", bad, "one", configMap("apply-bad", { a: 1 })),
      apply("a wrong type in metadata", bad, "one", configMap("apply-bad", {}, { labels: "x" })),
      apply(
        "a quantity that is none",
        `${deployments}/apply-bad`,
        "one",
        deployment("apply-bad", {
          template: {
            metadata: { labels: { app: "apply-bad" } },
            spec: { containers: [{ name: "c", image: "i", resources: { limits: { cpu: "x" } } }] },
          },
        }),
      ),
      { ...apply("no YAML", bad, "one", "a: b: c"), differs: "each YAML library has words of its own" },
      apply("nothing", bad, "one", ""),
      apply("a list", bad, "one", "[]"),
      apply("a string", bad, "one", '"x"'),
      apply("null", bad, "one", "null"),
      apply("a uid", bad, "one", configMap("apply-bad", {}, { uid: "00000000-0000-4000-8000-000000000000" })),
      apply("a resourceVersion without an object", bad, "one", configMap("apply-bad", {}, { resourceVersion: "1" })),
      apply("a bad name", `${configMaps}/A_b`, "one", configMap("A_b", {})),
      apply("invalid", `${deployments}/apply-bad`, "one", {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "apply-bad" },
      }),
      apply("a key twice, refused", bad, "one&fieldValidation=Strict", `${yaml}  a: '2'\n`),
      apply("a key twice, warned of", bad, "one&fieldValidation=Warn", `${yaml}  a: '2'\n`),
      apply("a key twice in JSON", bad, "one", '{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"1","a":"2"}}'),
      apply("an unknown field, ignored", bad, "one&fieldValidation=Ignore", { ...configMap("apply-bad", {}), foo: 1 }),
      get("what is there", bad),
      apply("an old resourceVersion", bad, "one", configMap("apply-bad", { a: "3" }, { resourceVersion: "1" })),
      apply(
        "another uid",
        bad,
        "one",
        configMap("apply-bad", { a: "3" }, { uid: "00000000-0000-4000-8000-000000000000" }),
      ),
      apply("immutable", bad, "two", { ...configMap("apply-bad", {}), immutable: true }),
      apply("a change of what is immutable", bad, "one&force=true", configMap("apply-bad", { a: "4" })),
      post(
        "apply is no verb for collections",
        `${configMaps}?fieldManager=${"x".repeat(129)}`,
        configMap("apply-long", {}),
      ),
      apply("a long manager", bad, "x".repeat(129), configMap("apply-bad", {})),
      apply("a manager that is no name", bad, "a%0Ab", configMap("apply-bad", {})),
    ],
  },
];
