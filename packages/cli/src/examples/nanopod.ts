import { type Client, deployments, pods } from "@podwright/client";
import type { JsonObject, JsonValue, KubeObject } from "@podwright/kube";
import { armedByKey, armPod, type NanoPod } from "@podwright/operator";
import pc from "picocolors";
import { annotatedYaml, project } from "./annotated-yaml.ts";
import { applyObject, readExample } from "./apply.ts";
import type { Example } from "./examples.ts";

const namespace = "nano-pod-test";

/** The scenario of NanoPod's README: a NanoPod, then a Deployment whose pods ask for it. */
export const nanoPodExample: Example = {
  name: "nanopod",
  async run(client, kubeconfig) {
    const [namespaceObject] = await readExample("nanopod/00-namespace.yaml");
    const [nanoPod] = (await readExample("nanopod/my-nano-pod.yaml")) as NanoPod[];
    const [deployment] = await readExample("nanopod/mysql.yaml");
    if (!namespaceObject || !nanoPod || !deployment) throw new Error("examples/nanopod is not complete");

    const applied: string[] = [];
    for (const object of [namespaceObject, nanoPod, deployment]) applied.push(await applyObject(client, object));
    const pod = await runningPod(client, "app=mysql");

    // As the cluster has it now, without the API server's defaults.
    const live = await client.resource(deployments).get(deployment.metadata.name as string, namespace);
    const written = project(live["spec"].template, deployment["spec"].template) as JsonObject;
    // What the Deployment and the NanoPod speak of; the API server's defaults would hide it.
    const shape = armPod(
      { apiVersion: "v1", kind: "Pod", ...structuredClone(written) } as unknown as KubeObject,
      (name) => (name === nanoPod.metadata.name ? nanoPod : undefined),
    ).pod as unknown as JsonObject;
    const { name } = pod.metadata;
    const armed = {
      metadata: { name, ...(project(pod.metadata as unknown as JsonValue, shape["metadata"]) as JsonObject) },
      spec: project(pod["spec"], shape["spec"]),
    };
    const before = { metadata: { name, ...(written["metadata"] as JsonObject) }, spec: written["spec"] as JsonObject };
    const by = pod.metadata.annotations?.[armedByKey] ?? "no NanoPod";
    // Not in a file or a pipe, which picocolors colours where CI is set.
    const colors = pc.createColors(pc.isColorSupported && process.stdout.isTTY === true);
    const kubectl = `kubectl --kubeconfig ${kubeconfig}`;
    return [
      colors.bold("Example nanopod (examples/nanopod)"),
      ...applied.map((line) => `  ${line}`),
      "",
      colors.bold(`The pod template of the Deployment ${deployment.metadata.name}, as it was written:`),
      ...annotatedYaml(before.spec as JsonObject, before.spec as JsonObject, { added: "", changed: () => "" }).map(
        indent,
      ),
      "",
      colors.bold(`The pod as it was armed by ${by}, ${pod["status"]?.phase}:`),
      ...annotatedYaml(armed as JsonObject, before as JsonObject, {
        added: colors.green("  # added"),
        changed: (was) => colors.yellow(`  # overwritten, was ${was}`),
      }).map(indent),
      "",
      colors.bold("Try next:"),
      `  ${kubectl} get pods -n ${namespace} -o wide`,
      `  ${kubectl} describe pod -n ${namespace} ${name}`,
      `  ${kubectl} edit nanopod -n ${namespace} my-nano-pod`,
      `  ${kubectl} rollout restart deployment -n ${namespace} mysql`,
      `  ${kubectl} explain nanopod.spec.template.spec --recursive`,
    ];
  },
};

function indent(line: string): string {
  return `  ${line}`;
}

/** The newest running pod with the labels; waits until there is one. */
async function runningPod(client: Client, labelSelector: string): Promise<KubeObject> {
  const resource = client.resource(pods);
  const isRunning = (pod: KubeObject) => pod["status"]?.phase === "Running" && !pod.metadata.deletionTimestamp;
  const list = await resource.list({ namespace, labelSelector });
  const running = list.items.find(isRunning);
  if (running !== undefined) return running;
  const { resourceVersion } = list.metadata;
  const watch = resource.watch({
    namespace,
    labelSelector,
    timeoutSeconds: 30,
    ...(resourceVersion !== undefined ? { resourceVersion } : {}),
  });
  for await (const { type, object } of watch) {
    if ((type === "ADDED" || type === "MODIFIED") && isRunning(object)) return object;
  }
  throw new Error(`no pod with ${labelSelector} was running in ${namespace} after 30 s`);
}
