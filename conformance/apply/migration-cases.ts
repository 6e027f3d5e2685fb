import type { Exchange } from "../differential/exchange.ts";
import type { Case } from "../differential/recorded.ts";
import { apply, configMap, configMaps, get, mergePatch, patch, post, remove } from "./requests.ts";

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";
const migrated = `${configMaps}/apply-migrated`;
const opted = `${configMaps}/apply-opted`;

/** What `kubectl apply` without --server-side creates. */
function clientSide(name: string, data: object): Exchange {
  const object = configMap(name, data, { annotations: {}, namespace: "default" });
  return post("kubectl apply", `${configMaps}?fieldManager=kubectl-client-side-apply`, {
    ...configMap(name, data, { annotations: { [lastApplied]: `${JSON.stringify(object)}\n` } }),
  });
}

export const migrationCases: Case[] = [
  {
    name: "from client-side to server-side apply",
    exchanges: [
      remove(migrated),
      clientSide("apply-migrated", { a: "1", b: "1", c: "1" }),
      patch("another takes a key", `${migrated}?fieldManager=other`, mergePatch, { data: { c: "2" } }),
      apply("kubectl takes over what it had", migrated, "kubectl", configMap("apply-migrated", { a: "2", b: "1" })),
      apply("but not what another has", migrated, "kubectl", configMap("apply-migrated", { a: "2", c: "3" })),
      apply(
        "with the annotation, as kubectl sends it",
        migrated,
        "kubectl",
        configMap(
          "apply-migrated",
          { a: "3" },
          {
            annotations: { x: "y" },
            labels: { l: "1" },
          },
        ),
      ),
      get("at last", migrated),
    ],
  },
  {
    name: "another manager does not take over",
    exchanges: [
      remove(opted),
      clientSide("apply-opted", { a: "1" }),
      apply("a conflict", opted, "helm", configMap("apply-opted", { a: "2" })),
      apply("forced", opted, "helm&force=true", configMap("apply-opted", { a: "2" })),
      apply("kubectl's annotation is out of date", opted, "kubectl", configMap("apply-opted", { a: "3" })),
    ],
  },
];
