import type { JsonObject } from "@podwright/kube";
import { expect, test } from "vitest";
import { compileTemplate, renderTemplate } from "./template.ts";

const filling = { tenantId: "t1", hash: "h1", vols: [] };

function pod(container: JsonObject, name = "p-{}-{}"): JsonObject {
  return { kind: "POD", metadata: { name }, spec: { containers: [{ name: "c", image: "i", ...container }] } };
}

const render = (source: JsonObject, given: object, thirdArgument = false) =>
  renderTemplate(compileTemplate("pod", source, thirdArgument), { ...filling, ...given });

test.each([
  ["p-{}-{}", "p-t1-h1"],
  ["p-{1}-{0}", "p-h1-t1"],
  ["p-{hash}-{tenantId}", "p-h1-t1"],
  ["Fixed", "fixed"],
])("a name %s becomes %s", (name, made) => {
  expect(render(pod({}, name), {}).metadata.name).toBe(made);
});

test("a command goes where {} is, or {cmd} wherever it stands, and is not looked at again", () => {
  const cmd = "{} {hash} {cmd} ${HOME}";
  expect(render(pod({ args: ["-c", "run {}"] }), { cmd })["spec"].containers[0].args).toEqual(["-c", `run ${cmd}`]);
  const named = render(pod({ args: ["find . -exec a {} \\;", "{cmd}"], env: [{ name: "C", value: "{cmd}" }] }), { cmd });
  expect(named["spec"].containers[0].args).toEqual(["find . -exec a {} \\;", cmd]);
  expect(named["spec"].containers[0].env[0].value).toBe(cmd);
});

test("without a place a command is refused, but for upstream's third argument", () => {
  const source = pod({ args: ["/bin/sh", "-c", "true"] });
  expect(() => render(source, { cmd: "x" })).toThrow("cmd: the template takes no command");
  expect(render(source, { cmd: "x" }, true)["spec"].containers[0].args).toEqual(["/bin/sh", "-c", "x"]);
  expect(() => render(pod({ args: ["{}"] }), {})).toThrow("cmd: is missing");
});

test.each([
  ["echo $$", {}, "echo $$$$"],
  ["echo $(date) $HOME", {}, "echo $(date) $HOME"],
  ["echo $(A)", { env: [{ name: "A", value: "1" }] }, "echo $$(A)"],
  ["echo $(A)", { envFrom: [{ secretRef: { name: "s" } }] }, "echo $$(A)"],
  ["$(KUBERNETES_SERVICE_HOST) $1", {}, "$$(KUBERNETES_SERVICE_HOST) $$1"],
])("kubelets give the container %s as it is", (cmd, container, written) => {
  expect(render(pod({ args: ["{}"], ...container }), { cmd })["spec"].containers[0].args).toEqual([written]);
});

test("values of parameters keep their types, but where texts must be", () => {
  const source = {
    template: {
      kind: "job",
      metadata: { name: "j-{hash}", labels: { n: "{n}" } },
      spec: {
        parallelism: "{n}",
        template: { spec: { hostNetwork: "{b}", containers: [{ name: "c", env: [{ name: "N", value: "{n}" }], args: ["{n}", "x{b}"] }] } },
      },
    },
    parameters: { n: { type: "integer" }, b: { type: "boolean", default: false } },
  };
  expect(render(source, { params: { n: 3 } })).toMatchObject({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { labels: { n: "3" } },
    spec: { parallelism: 3, template: { spec: { hostNetwork: false, containers: [{ env: [{ value: "3" }], args: ["3", "xfalse"] }] } } },
  });
});

test.each([
  [{ kind: "Deployment", metadata: { name: "d" }, spec: {} }, "kind Deployment"],
  [{ kind: "Pod", metadata: {}, spec: { containers: [{}] } }, "metadata.name"],
  [{ kind: "Pod", metadata: { name: "p" }, spec: { containers: [] } }, "no containers"],
  [{ template: pod({}), parameters: { x: { type: "object" } } }, "parameters.x"],
  [{ template: pod({}), parameters: { cmd: { type: "string" } } }, "parameters.cmd"],
  [{ template: pod({}), parameters: { type: "object", additionalProperties: true, properties: {} } }, "additionalProperties"],
])("a template that is wrong says so: %#", (source, text) => {
  expect(() => compileTemplate("pod", source as JsonObject, false)).toThrow(text);
});

test("volumes go to the containers that get the command, beside what is there", () => {
  const source: JsonObject = {
    kind: "pod",
    metadata: { name: "p" },
    spec: {
      volumes: [{ name: "vol-0", emptyDir: {} }],
      containers: [
        { name: "side", volumeMounts: [{ name: "vol-0", mountPath: "/own" }] },
        { name: "main", args: ["{cmd}"], volumeMounts: [{ name: "vol-0", mountPath: "/own" }] },
      ],
    },
  };
  const made = render(source, { cmd: "x", vols: [{ pvc: "data", mount: "/data" }] });
  expect(made["spec"].volumes.map(({ name }: { name: string }) => name)).toEqual(["vol-0", "vol-1"]);
  expect(made["spec"].containers[0].volumeMounts).toHaveLength(1);
  expect(made["spec"].containers[1].volumeMounts).toEqual([
    { name: "vol-0", mountPath: "/own" },
    { name: "vol-1", mountPath: "/data" },
  ]);
  expect(() => render(source, { cmd: "x", vols: [{ pvc: "data", mount: "/own/" }] })).toThrow("vols[0].mount");
});
