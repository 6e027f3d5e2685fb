import type { Case } from "../differential/recorded.ts";
import { apply, configMap, configMaps, get, mergePatch, patch, post, put, remove } from "./requests.ts";

const shared = `${configMaps}/apply-shared`;
const taken = `${configMaps}/apply-taken`;
const fresh = `${configMaps}/apply-fresh`;

/** Who owns what after applies. */
export const ownershipCases: Case[] = [
  {
    name: "apply creates",
    exchanges: [
      remove(fresh),
      apply("a dry run", fresh, "one&dryRun=All", configMap("apply-fresh", { a: "1" })),
      get("stored nothing", fresh),
      apply(
        "in YAML",
        fresh,
        "one",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: apply-fresh\ndata:\n  a: '1'\n",
      ),
      apply("the same again", fresh, "one", configMap("apply-fresh", { a: "1" })),
      apply("a dry run of a change", fresh, "one&dryRun=All", configMap("apply-fresh", { a: "2" })),
      apply("without a name", fresh, "one", { apiVersion: "v1", kind: "ConfigMap", metadata: {}, data: { a: "3" } }),
      apply("nothing of one's own", fresh, "one", configMap("apply-fresh", {})),
      get("at last", fresh),
    ],
  },
  {
    name: "co-ownership",
    exchanges: [
      remove(shared),
      apply("one", shared, "one", configMap("apply-shared", { a: "1", b: "1" }, { labels: { l: "1" } })),
      apply("two has the same value", shared, "two", configMap("apply-shared", { a: "1" })),
      apply("two wants another", shared, "two", configMap("apply-shared", { a: "2" })),
      apply(
        "two wants several others",
        shared,
        "two",
        configMap("apply-shared", { a: "2", b: "2" }, { labels: { l: "2" } }),
      ),
      apply("two takes it", shared, "two&force=true", configMap("apply-shared", { a: "2" })),
      apply("one leaves what two has", shared, "one", configMap("apply-shared", { b: "1" })),
      apply("one conflicts with two", shared, "one", configMap("apply-shared", { a: "1", b: "1" })),
      apply("one shares again", shared, "one", configMap("apply-shared", { a: "2", b: "1" })),
      apply("one drops a shared one and its own", shared, "one", configMap("apply-shared", { c: "1" })),
      apply("two drops the last", shared, "two", configMap("apply-shared", {})),
      get("at last", shared),
    ],
  },
  {
    name: "applies and updates",
    exchanges: [
      remove(taken),
      post("created", `${configMaps}?fieldManager=maker`, configMap("apply-taken", { a: "1", b: "1", c: "1" })),
      apply("a conflict with an update", taken, "one", configMap("apply-taken", { a: "2" })),
      apply("conflicts with an update", taken, "one", configMap("apply-taken", { a: "2", b: "2", d: "1" })),
      apply("shared with an update", taken, "one", configMap("apply-taken", { a: "1", d: "1" })),
      patch("an update takes it", `${taken}?fieldManager=two`, mergePatch, { data: { d: "2" } }),
      apply("conflicts with two managers", taken, "one", configMap("apply-taken", { a: "1", b: "2", d: "1" })),
      apply("forced", taken, "one&force=true", configMap("apply-taken", { a: "3", d: "1" })),
      apply("what an update has stays", taken, "one", configMap("apply-taken", { d: "1" })),
      put("an update removes it", `${taken}?fieldManager=three`, configMap("apply-taken", { c: "3" })),
      apply("it comes back", taken, "one", configMap("apply-taken", { d: "1" })),
      apply("everything goes but what others have", taken, "one", { apiVersion: "v1", kind: "ConfigMap" }),
      get("at last", taken),
    ],
  },
];
