import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findTool, packagedTool } from "podwright";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Lane, openLane } from "../lane.ts";

let lane: Lane;
beforeAll(async () => {
  lane = await openLane();
});
afterAll(() => lane?.close());

const deployment = (name: string, image = "app:1", replicas = 2) => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, labels: {app: ${name}}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      containers: [{name: main, image: "${image}"}]
`;

const pod = (name: string, container = "{name: main, image: app}", spec = "") => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: {app: ${name}}}
spec:
  containers: [${container}]
${spec}
`;

/** Runs kubectl in the namespace and expects it to succeed. */
async function ok(namespace: string, args: string[], input?: string): Promise<string> {
  const ran = await lane.kubectl(["-n", namespace, ...args], input);
  expect(ran, `kubectl ${args.join(" ")}`).toMatchObject({ code: 0 });
  return ran.stdout;
}

async function refused(namespace: string, args: string[], input?: string): Promise<string> {
  const ran = await lane.kubectl(["-n", namespace, ...args], input);
  expect(ran, `kubectl ${args.join(" ")}`).toMatchObject({ code: 1 });
  return ran.stderr;
}

describe("kubectl with pods", () => {
  test("apply, wait, get in all its forms, label, annotate, delete", async () => {
    const ns = await lane.namespace("pods");
    expect(await ok(ns, ["apply", "-f", "-"], pod("hello"))).toBe("pod/hello created\n");
    await ok(ns, ["wait", "--for=condition=Ready", "pod/hello", "--timeout=30s"]);
    expect(await ok(ns, ["get", "pods"])).toMatch(
      /^NAME {4}READY {3}STATUS {4}RESTARTS {3}AGE\nhello {3}1\/1 {5}Running {3}0 {10}\d+s\n$/,
    );
    expect(await ok(ns, ["get", "pod", "hello", "-o", "wide"])).toMatch(
      /IP +NODE +NOMINATED NODE +READINESS GATES\nhello .* \d+\.\d+\.\d+\.\d+ +\S+ +<none> +<none>\n$/,
    );
    expect(await ok(ns, ["get", "pod", "hello", "-o", "yaml"])).toMatch(/^apiVersion: v1\nkind: Pod\nmetadata:\n/);
    expect(await ok(ns, ["get", "pods", "-l", "app=hello", "-o", "name"])).toBe("pod/hello\n");
    expect(await ok(ns, ["get", "pods", "-l", "app!=hello"])).toBe("");
    expect(await ok(ns, ["get", "pods", "--field-selector", "status.phase=Running", "-o", "name"])).toBe("pod/hello\n");
    expect(await ok(ns, ["get", "pod", "hello", "-o", "jsonpath={.status.phase}"])).toBe("Running");
    expect(await ok(ns, ["label", "pod", "hello", "tier=front"])).toBe("pod/hello labeled\n");
    expect(await refused(ns, ["label", "pod", "hello", "tier=back"])).toContain(
      "'tier' already has a value (front), and --overwrite is false",
    );
    expect(await ok(ns, ["annotate", "pod", "hello", "note=x"])).toBe("pod/hello annotated\n");
    expect(await ok(ns, ["apply", "-f", "-"], pod("hello"))).toBe("pod/hello unchanged\n");
    expect(await ok(ns, ["delete", "pod", "hello"])).toMatch(/^pod "hello" deleted( from \S+ namespace)?\n$/);
    expect(await refused(ns, ["get", "pod", "hello"])).toBe('Error from server (NotFound): pods "hello" not found\n');
  });

  test("describe shows conditions and the events of its start", async () => {
    const ns = await lane.namespace("describe");
    await ok(ns, ["apply", "-f", "-"], pod("hello"));
    await ok(ns, ["wait", "--for=condition=Ready", "pod/hello", "--timeout=30s"]);
    const text = await ok(ns, ["describe", "pod", "hello"]);
    expect(text).toMatch(/^Name: +hello\n/);
    expect(text).toMatch(/Status: +Running\n/);
    expect(text).toMatch(/ContainersReady +True/);
    for (const [reason, message] of [
      ["Scheduled", `Successfully assigned ${ns}/hello to `],
      ["Pulled", 'Container image "app" already present on machine|Successfully pulled image "app"'],
      ["Created", "(Created container|Container created)"],
      ["Started", "(Started container|Container started)"],
    ]) {
      expect(text).toMatch(new RegExp(`Normal +${reason} +.*(${message})`));
    }
  });

  test("get --watch shows a pod's way to Running and its end", async () => {
    const ns = await lane.namespace("watch");
    await ok(ns, ["apply", "-f", "-"], pod("there"));
    const kubectl = await packagedTool("kubectl").catch(() => findTool("kubectl"));
    const watch = spawn(kubectl, ["--kubeconfig", lane.kubeconfig, "-n", ns, "get", "pods", "--watch"]);
    let output = "";
    const shows = (text: RegExp) =>
      new Promise<void>((resolve) => {
        const check = () => text.test(output) && resolve();
        watch.stdout.on("data", check);
        check();
      });
    watch.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    // From then on it misses nothing.
    await shows(/there /);
    await ok(ns, ["apply", "-f", "-"], pod("hello"));
    await shows(/hello +0\/1 +(Pending|ContainerCreating)/);
    await shows(/hello +1\/1 +Running/);
    await ok(ns, ["delete", "pod", "hello"]);
    await shows(/hello +\d\/1 +(Terminating|Completed)/);
    const closed = new Promise((resolve) => watch.once("close", resolve));
    watch.kill("SIGTERM");
    await closed;
  });

  test("commands decide how a container ends, and the restart policy what follows", async () => {
    const ns = await lane.namespace("ends");
    const container = (command: string) => `{name: main, image: app, command: [${command}]}`;
    await ok(ns, ["apply", "-f", "-"], pod("done", container('"true"'), "  restartPolicy: Never"));
    await ok(ns, ["apply", "-f", "-"], pod("broken", container('sh, -c, "exit 3"'), "  restartPolicy: Never"));
    await ok(ns, ["apply", "-f", "-"], pod("again", container('"false"')));
    await ok(ns, ["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/done", "--timeout=30s"]);
    await ok(ns, ["wait", "--for=jsonpath={.status.phase}=Failed", "pod/broken", "--timeout=30s"]);
    await ok(ns, [
      "wait",
      "--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=CrashLoopBackOff",
      "pod/again",
      "--timeout=30s",
    ]);
    const table = await ok(ns, ["get", "pods"]);
    expect(table).toMatch(/done +0\/1 +Completed +0/);
    expect(table).toMatch(/broken +0\/1 +Error +0/);
    expect(table).toMatch(/again +0\/1 +CrashLoopBackOff +1 \(\d+s ago\)/);
    expect(
      await ok(ns, ["get", "pod", "broken", "-o", "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}"]),
    ).toBe("3");
    expect(await ok(ns, ["describe", "pod", "again"])).toContain(
      `Back-off restarting failed container main in pod again_${ns}(`,
    );
  });

  test("init containers run in order before the others", async () => {
    const ns = await lane.namespace("init");
    const init =
      '  initContainers: [{name: first, image: app, command: [sleep, "1"]}, {name: second, image: app, command: ["true"]}]';
    await ok(ns, ["apply", "-f", "-"], pod("p", undefined, init));
    await ok(ns, ["wait", "--for=condition=Ready", "pod/p", "--timeout=30s"]);
    const status = JSON.parse(await ok(ns, ["get", "pod", "p", "-o", "json"])).status;
    const [first, second] = status.initContainerStatuses.map(
      (s: { state: { terminated: { reason: string } } }) => s.state.terminated,
    );
    expect([first.reason, second.reason]).toEqual(["Completed", "Completed"]);
    expect(Date.parse(second.startedAt)).toBeGreaterThanOrEqual(Date.parse(first.finishedAt));
  });
});

describe("kubectl with Deployments", () => {
  test("rollout status, history, undo, pause, resume, restart, and scale", async () => {
    const ns = await lane.namespace("rollout");
    expect(await ok(ns, ["apply", "-f", "-"], deployment("web"))).toBe("deployment.apps/web created\n");
    expect(await ok(ns, ["rollout", "status", "deployment/web", "--timeout=60s"])).toMatch(
      /deployment "web" successfully rolled out\n$/,
    );
    expect(await ok(ns, ["get", "deployment", "web", "-o", "wide"])).toMatch(
      /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR\nweb +2\/2 +2 +2 +\d+s +main +app:1 +app=web\n$/,
    );
    expect(await ok(ns, ["set", "image", "deployment/web", "main=app:2"])).toBe("deployment.apps/web image updated\n");
    await ok(ns, ["rollout", "status", "deployment/web", "--timeout=60s"]);
    expect(await ok(ns, ["rollout", "history", "deployment/web"])).toBe(
      "deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n\n",
    );
    expect(await ok(ns, ["rollout", "undo", "deployment/web"])).toBe("deployment.apps/web rolled back\n");
    await ok(ns, ["rollout", "status", "deployment/web", "--timeout=60s"]);
    const image = ["get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[0].image}"];
    expect(await ok(ns, image)).toBe("app:1");
    expect(await ok(ns, ["rollout", "history", "deployment/web"])).toContain("\n2         <none>\n3         <none>\n");

    expect(await ok(ns, ["scale", "deployment/web", "--replicas=3"])).toBe("deployment.apps/web scaled\n");
    await ok(ns, ["wait", "--for=jsonpath={.status.readyReplicas}=3", "deployment/web", "--timeout=60s"]);
    expect(await ok(ns, ["rollout", "pause", "deployment/web"])).toBe("deployment.apps/web paused\n");
    await ok(ns, ["set", "image", "deployment/web", "main=app:3"]);
    expect(await ok(ns, ["rollout", "resume", "deployment/web"])).toBe("deployment.apps/web resumed\n");
    await ok(ns, ["rollout", "status", "deployment/web", "--timeout=60s"]);
    expect(await ok(ns, ["rollout", "restart", "deployment/web"])).toBe("deployment.apps/web restarted\n");
    await ok(ns, ["rollout", "status", "deployment/web", "--timeout=60s"]);
    expect(await ok(ns, ["scale", "deployment/web", "--replicas=0"])).toBe("deployment.apps/web scaled\n");
    await ok(ns, ["wait", "--for=delete", "pod", "-l", "app=web", "--timeout=60s"]);
    const text = await ok(ns, ["describe", "deployment", "web"]);
    expect(text).toMatch(/Scaled up replica set web-\S+ from 0 to 2/);
    expect(text).toMatch(/Progressing +True +NewReplicaSetAvailable/);
  });

  test("a deleted pod comes again, and a deleted Deployment takes all with it", async () => {
    const ns = await lane.namespace("heal");
    await ok(ns, ["apply", "-f", "-"], deployment("web", "app:1", 1));
    await ok(ns, ["rollout", "status", "deployment/web", "--timeout=60s"]);
    const [name] = (await ok(ns, ["get", "pods", "-o", "name"])).split("\n");
    await ok(ns, ["delete", name as string]);
    await ok(ns, ["rollout", "status", "deployment/web", "--timeout=60s"]);
    await ok(ns, ["wait", "--for=condition=Available", "deployment/web", "--timeout=60s"]);
    expect(await ok(ns, ["get", "pods", "-o", "name"])).not.toContain(name);
    await ok(ns, ["delete", "deployment", "web", "--cascade=foreground"]);
    expect(await ok(ns, ["get", "replicasets,pods", "-o", "name"])).toBe("");
  });

  test("--cascade=orphan leaves the pods", async () => {
    const ns = await lane.namespace("orphan");
    await ok(ns, ["apply", "-f", "-"], deployment("web", "app:1", 1));
    await ok(ns, ["rollout", "status", "deployment/web", "--timeout=60s"]);
    await ok(ns, ["delete", "deployment", "web", "--cascade=orphan"]);
    expect(await ok(ns, ["get", "replicasets", "-o", "jsonpath={.items[*].metadata.ownerReferences}"])).toBe("");
    expect((await ok(ns, ["get", "replicasets,pods", "-o", "name"])).trim().split("\n")).toHaveLength(2);
  });

  test("apply changes what the manifest changes, edit what the editor does", async () => {
    const ns = await lane.namespace("edit");
    await ok(ns, ["apply", "-f", "-"], deployment("web"));
    await ok(ns, ["scale", "deployment/web", "--replicas=1"]);
    expect(await ok(ns, ["apply", "-f", "-"], deployment("web", "app:9").replace("  replicas: 2\n", ""))).toBe(
      "deployment.apps/web configured\n",
    );
    const folder = await mkdtemp(join(tmpdir(), "podwright-edit-"));
    const editor = join(folder, "editor");
    await writeFile(editor, '#!/bin/sh\nsed -i "s/app:9/app:10/" "$1"\n', { mode: 0o755 });
    const before = process.env["KUBE_EDITOR"];
    process.env["KUBE_EDITOR"] = editor;
    try {
      expect(await ok(ns, ["edit", "deployment", "web"])).toBe("deployment.apps/web edited\n");
    } finally {
      if (before === undefined) delete process.env["KUBE_EDITOR"];
      else process.env["KUBE_EDITOR"] = before;
      await rm(folder, { recursive: true });
    }
    expect(await ok(ns, ["get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[0].image}"])).toBe(
      "app:10",
    );
  });

  test("a wrong manifest is refused with upstream's text and nothing is stored", async () => {
    const ns = await lane.namespace("wrong");
    expect(await refused(ns, ["apply", "-f", "-"], deployment("web", "app:1", -1))).toBe(
      'The Deployment "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0\n',
    );
    expect(await refused(ns, ["apply", "-f", "-"], deployment("web").replace("replicas", "replicaz"))).toBe(
      'Error from server (BadRequest): error when creating "STDIN": Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.replicaz"\n',
    );
    expect(
      await refused(
        ns,
        ["apply", "-f", "-"],
        deployment("web").replace("matchLabels: {app: web}", "matchLabels: {app: other}"),
      ),
    ).toBe(
      'The Deployment "web" is invalid: spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`\n',
    );
    expect(await ok(ns, ["get", "deployments", "-o", "name"])).toBe("");
  });
});

describe("kubectl with namespaces and the API itself", () => {
  test("a namespace takes all that is in it along", async () => {
    const name = await lane.namespace("gone");
    await ok(name, ["apply", "-f", "-"], deployment("web"));
    await ok(name, ["create", "configmap", "c", "--from-literal=a=b"]);
    expect(await ok(name, ["delete", "namespace", name])).toContain(`namespace "${name}" deleted\n`);
    expect(await refused(name, ["get", "namespace", name])).toBe(
      `Error from server (NotFound): namespaces "${name}" not found\n`,
    );
    await ok("default", ["create", "namespace", name]);
    expect(await ok(name, ["get", "deployments,configmaps,pods", "-o", "name"])).not.toMatch(/web|configmap\/c\b/);
  });

  test("a pod may come right after its namespace", async () => {
    const name = await lane.namespace("gone");
    await ok(name, ["delete", "namespace", name]);
    const both = `{apiVersion: v1, kind: Namespace, metadata: {name: ${name}}}\n---${pod("early")}`;
    await ok(name, ["apply", "-f", "-"], both);
    await ok(name, ["wait", "--for=condition=Ready", "pod/early", "--timeout=30s"]);
  });

  test("--as makes one somebody else, who may not be nobody", async () => {
    const whoami = ["auth", "whoami", "-o", "jsonpath={.status.userInfo.username} {.status.userInfo.groups}"];
    expect(await ok("default", [...whoami, "--as", "jane", "--as-group", "devs", "--as-group", "ops"])).toBe(
      'jane ["devs","ops","system:authenticated"]',
    );
    expect(await ok("default", [...whoami, "--as", "system:serviceaccount:default:default"])).toBe(
      'system:serviceaccount:default:default ["system:serviceaccounts","system:serviceaccounts:default","system:authenticated"]',
    );
    expect(await refused("default", ["get", "pods", "--as", "system:anonymous"])).toBe(
      'Error from server (Forbidden): pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" in the namespace "default"\n',
    );
  });

  test("explain", async () => {
    expect(await ok("default", ["explain", "pod.spec.restartPolicy"])).toMatch(
      /^KIND: +Pod\nVERSION: +v1\n\nFIELD: restartPolicy <string>\nENUM:\n {4}Always\n {4}Never\n {4}OnFailure\n\nDESCRIPTION:\n +Restart policy for all containers within the pod\./,
    );
    const recursive = await ok("default", ["explain", "pods", "--recursive"]);
    expect(recursive).toContain("\n  spec\t<PodSpec>\n    activeDeadlineSeconds\t<integer>\n");
    expect(recursive.split("\n").length).toBeGreaterThan(900);
    expect(await ok("default", ["explain", "nanopods.spec.template.spec.containers"])).toMatch(
      /^GROUP: +nanopod.nanopod.treezh.cn\nKIND: +NanoPod\nVERSION: +v1\n/,
    );
  });

  test("api-resources and api-versions", async () => {
    const resources = await ok("default", ["api-resources"]);
    expect(resources).toMatch(/^pods +po +v1 +true +Pod$/m);
    expect(resources).toMatch(/^deployments +deploy +apps\/v1 +true +Deployment$/m);
    expect(resources).toMatch(/^nanopods +nanopod.nanopod.treezh.cn\/v1 +true +NanoPod$/m);
    expect((await ok("default", ["api-versions"])).split("\n")).toContain("apps/v1");
  });

  test("server-side dry run stores nothing", async () => {
    const ns = await lane.namespace("dry-run");
    expect(await ok(ns, ["apply", "--dry-run=server", "-f", "-"], deployment("web"))).toBe(
      "deployment.apps/web created (server dry run)\n",
    );
    expect(await ok(ns, ["get", "deployments", "-o", "name"])).toBe("");
  });

  test("diff shows what apply would change", async () => {
    const ns = await lane.namespace("diff");
    await ok(ns, ["apply", "-f", "-"], deployment("web"));
    const ran = await lane.kubectl(["-n", ns, "diff", "-f", "-"], deployment("web", "app:2"));
    expect(ran.code).toBe(1);
    expect(ran.stdout).toMatch(/^-\s+- image: app:1$/m);
    expect(ran.stdout).toMatch(/^\+\s+- image: app:2$/m);
  });
});
