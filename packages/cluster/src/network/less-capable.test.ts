/** Machines that can do less: packets on a bridge that iptables does not see, and no iptables at all. */
import { endpointSlices, networkPolicies, services } from "@podwright/client";
import { afterEach, describe, expect, test, vi } from "vitest";
import { TestMachine, whatIsMissing } from "./testing/test-machine.ts";

const missing = await whatIsMissing();

describe.skipIf(missing !== undefined)(`With less${missing === undefined ? "" : ` (${missing})`}`, () => {
  let machine: TestMachine;
  afterEach(() => machine?.stop());

  async function makeService(endpoint: string): Promise<string> {
    const metadata = { name: "web", namespace: "default" };
    const service = await machine.call("create", services, {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: { type: "NodePort", ports: [{ port: 80, nodePort: 30_090 }] },
    });
    await machine.call("create", endpointSlices, {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { ...metadata, labels: { "kubernetes.io/service-name": "web" } },
      addressType: "IPv4",
      endpoints: [{ addresses: [endpoint], conditions: { ready: true } }],
      ports: [{ name: "", port: 8080, protocol: "TCP" }],
    });
    return service["spec"].clusterIP;
  }

  const answers = (where: string, address: string, port: number, expected: RegExp) =>
    vi.waitFor(async () => expect(await machine.ask(where, "tcp", address, port)).toMatch(expected), 20_000);

  test("Where bridged packets pass by iptables, Services answer, and that policies do not hold is said", async () => {
    machine = await TestMachine.start("less");
    await machine.run("", "sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0");
    const ip = await machine.addPod("a");
    await machine.addPod("client");
    await machine.serve("a", 8080);
    await machine.startNetwork();
    const clusterIp = await makeService(ip);
    await answers("client", clusterIp, 80, /^a 10\.102\.0\.1$/);
    await answers("a", clusterIp, 80, /^a 10\.102\.0\.1$/);
    await machine.call("create", networkPolicies, {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "none", namespace: "default" },
      spec: { podSelector: {} },
    });
    await vi.waitFor(() => expect(machine.log).toContain("modprobe br_netfilter"), 20_000);
  }, 60_000);

  test("Without iptables node ports and names are served, and what is missing is said", async () => {
    machine = await TestMachine.start("none");
    const ip = await machine.addPod("a");
    await machine.serve("a", 8080);
    expect(await machine.startNetwork({ commands: false })).toEqual({ clusterDns: ["10.102.0.1"] });
    await makeService(ip);
    await answers("lan", machine.address, 30_090, /^a 10\.102\.0\.1$/);
    const names = `const r = new (require("node:dns").promises.Resolver)(); r.setServers(["10.102.0.1"]);
      r.resolve4("web.default.svc.cluster.local").then(console.log, (e) => console.log(e.code));`;
    expect(await machine.run("a", process.execPath, "-e", names)).toMatch(/10\.96\./);
    expect(machine.log).toContain("ClusterIPs cannot be reached");
    expect(await machine.run("", "iptables-save")).not.toContain("PWT-");
  }, 60_000);
});
