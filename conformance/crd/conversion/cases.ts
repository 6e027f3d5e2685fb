import { webhookUrl } from "../../admission/cases.ts";
import type { Exchange } from "../../differential/exchange.ts";
import type { Case } from "../../differential/recorded.ts";
import {
  collection,
  create,
  definition,
  definitions,
  establish,
  get,
  type Json,
  merge,
  post,
  remove,
  widget,
} from "../requests.ts";
import { twoVersions } from "./two-versions.ts";
import { answers } from "./webhook-server.ts";

/** Establishes it, and waits until the other version is served too. */
function established(body: Json, group: string): Exchange[] {
  const isServed = (answer: unknown) => (answer as { kind?: string }).kind === "APIResourceList";
  return [
    ...establish(body),
    { ...get(`wait for v2 of ${group}`, `/apis/${group}/v2`), until: isServed, silent: true },
  ];
}

const received = (title: string): Exchange => ({ title, method: "GET", path: "received:" });
const put = (title: string, path: string, body: Json): Exchange => ({ title, method: "PUT", path, body });
const apply = (title: string, path: string, manager: string, body: Json, query = ""): Exchange => ({
  title,
  method: "PATCH",
  path: `${path}?fieldManager=${manager}${query}`,
  contentType: "application/apply-patch+yaml",
  body,
});

/** Reads and writes through both versions. */
function converted(): Case {
  const group = "convert.example.com";
  const v1 = `${collection(group)}/w`;
  const v2 = `${collection(group, "v2")}/w`;
  const table = "application/json;as=Table;v=v1;g=meta.k8s.io";
  const partial = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
  return {
    name: "both versions",
    exchanges: [
      ...established(twoVersions(group, "record"), group),
      { ...received("left over"), silent: true },
      post("created as v1", group, widget(group, "w", { spec: { size: 1, note: "a" } })),
      get("read as v1", v1),
      get("read as v2", v2),
      received("what the webhook was asked"),
      post("created as v2", group, widget(group, "x", { spec: { capacity: 2 } }, "v2"), "", "v2"),
      get("read as v1 then", `${collection(group)}/x`),
      get("listed as v1", collection(group)),
      get("listed as v2", collection(group, "v2")),
      { ...get("table of v2", collection(group, "v2")), accept: table },
      { ...get("metadata of v2", v2), accept: partial },
      merge("patched as v2", v2, { spec: { capacity: 3 } }),
      get("read as v1 after the patch", v1),
      merge("patched as v1", v1, { spec: { note: "b" }, metadata: { labels: { a: "b" } } }),
      get("read as v2 after both", v2),
      {
        ...merge("JSON patch as v2", v2, {}),
        contentType: "application/json-patch+json",
        body: [{ op: "replace", path: "/spec/capacity", value: 4 }],
      },
      put("put without a version", v2, widget(group, "w", { spec: { capacity: 5 } }, "v2")),
      merge("status as v2", `${v2}/status`, { status: { capacity: 9 } }),
      get("status as v1", `${v1}/status`),
      merge("scaled as v2", `${v2}/scale`, { spec: { replicas: 3 } }),
      get("scale as v1", `${v1}/scale`),
      get("read as v1 at last", v1),
      merge("unknown to v2", v2, { spec: { size: 1 } }),
      merge("invalid in v2", v2, { spec: { capacity: "x" } }),
      { ...merge("dry run", `${v2}?dryRun=All`, { spec: { capacity: 8 } }) },
      get("not changed by the dry run", v1),
      get("labels", `${collection(group, "v2")}?labelSelector=a%3Db`),
      { title: "deleted as v2", method: "DELETE", path: v2 },
      { title: "all deleted as v2", method: "DELETE", path: collection(group, "v2") },
      remove(`${definitions}/widgets.${group}`),
    ],
  };
}

/** Who manages what, in which version. */
function applied(): Case {
  const group = "applied.example.com";
  const v1 = `${collection(group)}/w`;
  const v2 = `${collection(group, "v2")}/w`;
  const as1 = (fields: Json) => widget(group, "w", { spec: fields });
  const as2 = (fields: Json) => widget(group, "w", { spec: fields }, "v2");
  return {
    name: "server-side apply through both versions",
    exchanges: [
      ...established(twoVersions(group, "convert"), group),
      apply("one applies v1", v1, "one", as1({ size: 1, note: "a" })),
      apply("two applies v2", v2, "two", as2({ capacity: 1, replicas: 2 })),
      apply("two has another value", v2, "two", as2({ capacity: 2, replicas: 2 })),
      apply("two insists", v2, "two", as2({ capacity: 2, replicas: 2 }), "&force=true"),
      apply("one applies again", v1, "one", as1({ note: "b" })),
      merge("somebody patches v1", v1, { spec: { size: 7 } }),
      apply("two gives up a field", v2, "two", as2({ replicas: 2 })),
      apply("one comes as v2", v2, "one", as2({ capacity: 4 })),
      get("at last", v1),
      remove(`${definitions}/widgets.${group}`),
    ],
  };
}

/** Objects that have the version that was stored before. */
function storageChanged(): Case {
  const group = "moved.example.com";
  const path = `${definitions}/widgets.${group}`;
  const body = twoVersions(group, "convert");
  const [first, second] = (body as { spec: { versions: Json[] } }).spec.versions;
  const isSize = (size: number) => (answer: unknown) => (answer as { spec?: { size?: number } }).spec?.size === size;
  return {
    name: "another storage version",
    exchanges: [
      ...established(body, group),
      { ...post("old object", group, widget(group, "w", { spec: { size: 1 } })), silent: true },
      {
        ...merge("storage is v2", path, {
          spec: {
            versions: [
              { ...first, storage: false },
              { ...second, storage: true },
            ],
          },
        }),
        differs: controllers,
      },
      { ...get("the old one as v1", `${collection(group)}/w`), until: isSize(1) },
      get("the old one as v2", `${collection(group, "v2")}/w`),
      post("new object", group, widget(group, "x", { spec: { size: 2 } })),
      get("the new one as v2", `${collection(group, "v2")}/x`),
      get("listed as v1", collection(group)),
      get("listed as v2", collection(group, "v2")),
      merge("old one written", `${collection(group)}/w`, { spec: { size: 5 } }),
      get("the written one as v2", `${collection(group, "v2")}/w`),
      remove(path),
    ],
  };
}

const listed: ReadonlySet<string> = new Set(["away", "failure", "bad-label", "relabel"]);

/** Each way to answer has a definition of its own. */
function answered(name: string, path: string = name, conversion: Json = {}): Case {
  const group = `${name}.example.com`;
  return {
    name: `a webhook that answers: ${name}`,
    exchanges: [
      ...established(twoVersions(group, path, {}, conversion), group),
      { ...post("created as v1", group, widget(group, "w", { spec: { size: 1 } })), silent: true },
      get("read as v1", `${collection(group)}/w`),
      get("read as v2", `${collection(group, "v2")}/w`),
      // A real server takes its time before it gives up filling its cache.
      ...(listed.has(name) ? [get("listed as v2", collection(group, "v2"))] : []),
      post("created as v2", group, widget(group, "x", { spec: { capacity: 2 } }, "v2"), "", "v2"),
      merge("patched as v2", `${collection(group, "v2")}/w`, { spec: { capacity: 3 } }),
      { title: "deleted as v1", method: "DELETE", path: `${collection(group)}/w` },
      remove(`${definitions}/widgets.${group}`),
    ],
  };
}

/** What a definition may say of its conversion. */
function validated(): Case {
  const group = "invalid-conversion.example.com";
  const refused = (title: string, conversion: Json) =>
    create(title, { ...definition(group, { type: "object" }, {}, { conversion }) });
  const webhook = (clientConfig: Json, rest: Json = {}): Json => ({
    strategy: "Webhook",
    webhook: { clientConfig, conversionReviewVersions: ["v1"], ...rest },
  });
  const url = "https://127.0.0.1:1";
  const service = { namespace: "default", name: "s" };
  const known = "conversion-ca.example.com";
  const path = `${definitions}/widgets.${known}`;
  return {
    name: "what a definition may say of its conversion",
    exchanges: [
      refused("no webhook", { strategy: "Webhook" }),
      refused("no client", { strategy: "Webhook", webhook: { conversionReviewVersions: ["v1"] } }),
      refused("neither url nor service", webhook({})),
      refused("both url and service", webhook({ url, service })),
      refused("http", webhook({ url: "http://127.0.0.1" })),
      refused("no host", webhook({ url: "https:///a" })),
      refused("user, query and fragment", webhook({ url: "https://u@h/a?b=c#d" })),
      refused("no url", webhook({ url: "no url" })),
      refused("service without name", webhook({ service: { namespace: "default" } })),
      refused("service without namespace", webhook({ service: { name: "s" } })),
      refused("service port", webhook({ service: { ...service, port: 70000 } })),
      refused("service path", webhook({ service: { ...service, path: "a//b" } })),
      refused("service path with a bad segment", webhook({ service: { ...service, path: "/a/B_/c" } })),
      refused("no review versions", webhook({ url }, { conversionReviewVersions: [] })),
      refused("unknown review version", webhook({ url }, { conversionReviewVersions: ["v9"] })),
      refused("review versions twice", webhook({ url }, { conversionReviewVersions: ["v1", "v1"] })),
      refused("odd review version", webhook({ url }, { conversionReviewVersions: ["v1", "V-"] })),
      refused("strategy None with a webhook", { ...webhook({ url }), strategy: "None" }),
      refused("no strategy", { webhook: { clientConfig: { url }, conversionReviewVersions: ["v1"] } }),
      ...establish(definition(known, { type: "object" }, {}, { conversion: { strategy: "None" } })),
      merge("authority that is none", path, { spec: { conversion: webhook({ url, caBundle: "bm8=" }) } }),
      { ...merge("with defaults", path, { spec: { conversion: webhook({ service }) } }), differs: controllers },
      remove(path),
    ],
  };
}

const controllers = "upstream's controllers manage fields of their own";

const ways = Object.keys(answers).filter((name) => name !== "convert" && name !== "record");

export const cases: Case[] = [
  converted(),
  applied(),
  storageChanged(),
  validated(),
  ...ways.map((name) => answered(name)),
  answered("speaks-v1beta1", "wrong-uid", { conversionReviewVersions: ["v1beta1"] }),
  answered("away", "https://127.0.0.1:1/convert"),
  answered("no-authority", "convert", { clientConfig: { url: `${webhookUrl}/convert` } }),
  answered("no-service", "convert", {
    clientConfig: { service: { namespace: "default", name: "absent", path: "/convert" } },
  }),
];
