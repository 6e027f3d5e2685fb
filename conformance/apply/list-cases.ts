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
  podTemplate,
  podTemplates,
  remove,
  services,
} from "./requests.ts";

const lists = `${podTemplates}/apply-lists`;
const sets = `${configMaps}/apply-sets`;
const atomics = `${services}/apply-atomics`;

const keyless = `${deployments}/apply-keyless`;
const withContainers = (list: object[] | null) =>
  deployment("apply-keyless", {
    template: { metadata: { labels: { app: "apply-keyless" } }, spec: { containers: list } },
  });

const containers = (...names: string[]) => names.map((name) => ({ name, image: `${name}:1` }));

export const listCases: Case[] = [
  {
    name: "lists of maps",
    exchanges: [
      remove(lists),
      apply("one's containers", lists, "one", podTemplate("apply-lists", { containers: containers("a", "b") })),
      apply(
        "two's before and behind",
        lists,
        "two",
        podTemplate("apply-lists", { containers: containers("x", "b", "y") }),
      ),
      apply(
        "two's part of a",
        lists,
        "two",
        podTemplate("apply-lists", {
          containers: [{ name: "a", env: [{ name: "E", value: "1" }], ports: [{ containerPort: 80 }] }],
        }),
      ),
      apply(
        "one changes an item",
        lists,
        "one",
        podTemplate("apply-lists", {
          containers: [
            {
              name: "a",
              image: "a:2",
              env: [
                { name: "F", value: "1" },
                { name: "E", value: "2" },
              ],
            },
            { name: "b", image: "b:1" },
          ],
        }),
      ),
      apply(
        "one forces",
        lists,
        "one&force=true",
        podTemplate("apply-lists", {
          containers: [
            { name: "b", image: "b:1", resources: { limits: { cpu: 0.5, memory: "1024Mi" } } },
            {
              name: "a",
              image: "a:2",
              env: [
                { name: "F", value: "1" },
                { name: "E", value: "2" },
              ],
            },
          ],
        }),
      ),
      apply("one drops an item", lists, "one", podTemplate("apply-lists", { containers: containers("a") })),
      apply("two drops its env", lists, "two", podTemplate("apply-lists", { containers: [{ name: "a" }] })),
      patch("an update reorders", `${lists}?fieldManager=three`, mergePatch, {
        template: { spec: { containers: containers("c", "a") } },
      }),
      apply("the same item twice", lists, "one", podTemplate("apply-lists", { containers: containers("a", "a") })),
      apply("an item without its key", keyless, "one&dryRun=All", withContainers([{ image: "i" }])),
      apply("a map for a list", lists, "one", podTemplate("apply-lists", { containers: {} })),
      apply("a string for a map", lists, "one", podTemplate("apply-lists", { containers: ["a"] })),
      apply("null for a list", keyless, "one&dryRun=All", withContainers(null)),
      get("at last", lists),
    ],
  },
  {
    name: "sets",
    exchanges: [
      remove(sets),
      apply("one", sets, "one", configMap("apply-sets", {}, { finalizers: ["example.com/a", "example.com/b"] })),
      apply("two", sets, "two", configMap("apply-sets", {}, { finalizers: ["example.com/c", "example.com/b"] })),
      apply("one drops its own", sets, "one", configMap("apply-sets", {}, { finalizers: ["example.com/b"] })),
      apply("one twice", sets, "one", configMap("apply-sets", {}, { finalizers: ["example.com/b", "example.com/b"] })),
      apply(
        "two owners",
        sets,
        "two",
        configMap(
          "apply-sets",
          {},
          {
            ownerReferences: [{ apiVersion: "example.com/v1", kind: "Nobody", name: "x", uid: "u1" }],
          },
        ),
      ),
      apply(
        "and a third",
        sets,
        "three",
        configMap(
          "apply-sets",
          {},
          {
            ownerReferences: [{ apiVersion: "example.com/v1", kind: "Nobody", name: "x", uid: "u2", controller: true }],
          },
        ),
      ),
      patch("without finalizers", `${sets}?fieldManager=four`, mergePatch, { metadata: { finalizers: [] } }),
      get("at last", sets),
    ],
  },
  {
    name: "atomic values and keys with a default",
    exchanges: [
      remove(atomics),
      apply(
        "one",
        atomics,
        "one",
        service({ selector: { a: "1" }, ports: [{ port: 80 }, { port: 53, protocol: "UDP" }] }),
      ),
      apply("two's selector", atomics, "two", service({ selector: { b: "1" } })),
      apply("two's port", atomics, "two", service({ ports: [{ port: 80, protocol: "TCP", name: "http" }] })),
      apply(
        "two's ports",
        atomics,
        "two",
        service({
          ports: [
            { port: 80, protocol: "TCP", targetPort: "http" },
            { port: 53, name: "dns" },
          ],
        }),
      ),
      apply(
        "both protocols",
        atomics,
        "one",
        service({
          selector: { a: "1" },
          ports: [
            { name: "u", port: 53, protocol: "UDP" },
            { name: "t", port: 53 },
            { name: "h", port: 80 },
          ],
        }),
      ),
      apply("the same port twice", atomics, "one", service({ ports: [{ port: 80 }, { port: 80, protocol: "TCP" }] })),
      apply("without a port", atomics, "one", service({ ports: [{ name: "x" }] })),
      get("at last", atomics),
    ],
  },
];

function service(spec: object): object {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "apply-atomics" },
    spec: { clusterIP: "None", ...spec },
  };
}
