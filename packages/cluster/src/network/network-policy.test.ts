/** NetworkPolicies in the kernel, in a network namespace that stands for the machine. */
import { networkPolicies, pods, services } from "@podwright/client";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { TestMachine, whatIsMissing } from "./testing/test-machine.ts";

const missing = await whatIsMissing();

describe.skipIf(missing !== undefined)(`NetworkPolicies${missing === undefined ? "" : ` (${missing})`}`, () => {
  let machine: TestMachine;
  const ips: Record<string, string> = {};
  const made: string[] = [];

  beforeAll(async () => {
    machine = await TestMachine.start("np");
    for (const name of ["web", "db"]) {
      ips[name] = await machine.addPod(name);
      await machine.serve(name, 8080);
    }
    await machine.serve("lan", 8080);
    await machine.startNetwork();
    for (const [name, ip] of Object.entries(ips)) {
      await machine.call("create", pods, {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name, namespace: "default", labels: { app: name } },
        spec: {
          nodeName: "node-1",
          containers: [{ name: "c", image: "i", ports: [{ name: "http", containerPort: 8080 }] }],
        },
      });
      await setStatus(name, { phase: "Running", podIP: ip, podIPs: [{ ip }] });
    }
    await machine.call("create", services, {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "db", namespace: "default" },
      spec: { selector: { app: "db" }, clusterIP: "10.96.9.9", ports: [{ port: 80, targetPort: 8080 }] },
    });
    // Endpoints come from the controllers once the pod is said to be ready.
    await setStatus("db", { conditions: [{ type: "Ready", status: "True" }] });
    await answers("web", "10.96.9.9", 80, /^db/);
  }, 60_000);
  afterEach(async () => {
    for (const name of made.splice(0)) await machine.call("delete", networkPolicies, name, "default");
  });
  afterAll(() => machine?.stop());

  function setStatus(name: string, status: object): Promise<unknown> {
    return machine.call("patch", pods, name, "default", { status }, { type: "merge", subresource: "status" });
  }

  async function allow(name: string, spec: object): Promise<void> {
    await machine.call("create", networkPolicies, {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name, namespace: "default" },
      spec,
    });
    made.push(name);
  }

  const answers = (from: string, to: string, port: number, expected: RegExp) =>
    vi.waitFor(async () => expect(await machine.ask(from, "tcp", to, port)).toMatch(expected), { timeout: 20_000 });

  test("Who is selected is reached by nobody but the node and whom a rule allows, also by the Service", async () => {
    const { web = "", db = "" } = ips;
    await answers("web", db, 8080, /^db/);
    await allow("deny", { podSelector: { matchLabels: { app: "db" } }, policyTypes: ["Ingress"] });
    await answers("web", db, 8080, /^silent$/);
    await answers("web", "10.96.9.9", 80, /^silent$/);
    await answers("", db, 8080, /^db/);
    await answers("db", web, 8080, /^web/);
    await answers("db", "10.96.9.9", 80, /^db/);
    await allow("web-only", {
      podSelector: { matchLabels: { app: "db" } },
      ingress: [{ from: [{ podSelector: { matchLabels: { app: "web" } } }], ports: [{ port: "http" }] }],
    });
    await answers("web", db, 8080, /^db/);
    await answers("web", "10.96.9.9", 80, /^db/);
  }, 60_000);

  test("Who may not go out does not, and finds no names unless that is allowed", async () => {
    const { db = "" } = ips;
    await answers("web", "10.102.9.2", 8080, /^lan/);
    await allow("no-way-out", { podSelector: { matchLabels: { app: "web" } }, policyTypes: ["Egress"] });
    await answers("web", db, 8080, /^silent$/);
    await answers("web", "10.102.9.2", 8080, /^silent$/);
    expect(await resolve("web")).toMatch(/ETIMEOUT/);
    await vi.waitFor(async () => expect(await resolve("db")).toMatch(/10\.96\.9\.9/), 20_000);
    await allow("dns", {
      podSelector: {},
      policyTypes: ["Egress"],
      egress: [
        {
          to: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } } }],
          ports: [{ protocol: "UDP", port: 53 }],
        },
      ],
    });
    await vi.waitFor(async () => expect(await resolve("web")).toMatch(/10\.96\.9\.9/), 20_000);
    await allow("lan", {
      podSelector: { matchLabels: { app: "web" } },
      policyTypes: ["Egress"],
      egress: [{ to: [{ ipBlock: { cidr: "10.102.0.0/16", except: ["10.102.0.0/24"] } }] }],
    });
    await answers("web", "10.102.9.2", 8080, /^lan/);
    await answers("web", db, 8080, /^silent$/);
  }, 60_000);

  test("Without a policy everything is as before, and no rule is left", async () => {
    await answers("web", ips["db"] ?? "", 8080, /^db/);
    await vi.waitFor(async () => {
      expect(await machine.run("", "iptables-save", "-t", "mangle")).not.toContain("PWT-");
    }, 20_000);
  }, 60_000);

  function resolve(where: string): Promise<string> {
    return machine.run(
      where,
      process.execPath,
      "-e",
      `const r = new (require("node:dns").promises.Resolver)({ timeout: 300, tries: 1 }); r.setServers(["10.96.0.10"]);
       r.resolve4("db.default.svc.cluster.local").then(console.log, (e) => console.log(e.code));`,
    );
  }
});
