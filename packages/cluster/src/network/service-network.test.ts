/** The kernel's part, in a network namespace that stands for the machine. */
import { endpointSlices, type ResourceRef, services } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { TestMachine, whatIsMissing } from "./testing/test-machine.ts";

const missing = await whatIsMissing();

describe.skipIf(missing !== undefined)(`Services in the kernel${missing === undefined ? "" : ` (${missing})`}`, () => {
  let machine: TestMachine;
  let a: string;
  let b: string;
  const made: [ResourceRef, string][] = [];

  beforeAll(async () => {
    machine = await TestMachine.start("svc");
    a = await machine.addPod("a");
    b = await machine.addPod("b");
    await machine.addPod("client");
    await Promise.all([machine.serve("a", 8080), machine.serve("b", 8080)]);
    await machine.startNetwork();
  }, 60_000);
  afterEach(async () => {
    for (const [ref, name] of made.splice(0)) await machine.call("delete", ref, name, "default");
  });
  afterAll(() => machine?.stop());

  async function makeService(name: string, spec: object): Promise<string> {
    const service = await machine.call("create", services, {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "default" },
      spec: {
        ports: [
          { name: "tcp", port: 80, targetPort: 8080 },
          { name: "udp", port: 80, targetPort: 8080, protocol: "UDP" },
        ],
        ...spec,
      },
    });
    made.push([services, name]);
    return service["spec"].clusterIP;
  }

  const slice = (name: string, ips: string[], conditions: object = { ready: true }): KubeObject =>
    ({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name, namespace: "default", labels: { "kubernetes.io/service-name": name } },
      addressType: "IPv4",
      endpoints: ips.map((ip) => ({ addresses: [ip], conditions, nodeName: "node-1" })),
      ports: [
        { name: "tcp", port: 8080, protocol: "TCP" },
        { name: "udp", port: 8080, protocol: "UDP" },
      ],
    }) as unknown as KubeObject;

  async function setEndpoints(name: string, ips: string[]): Promise<void> {
    const known = made.some(([ref, each]) => ref === endpointSlices && each === name);
    if (!known) {
      await machine.call("create", endpointSlices, slice(name, ips));
      made.push([endpointSlices, name]);
      return;
    }
    const current = await machine.call("get", endpointSlices, name, "default");
    await machine.call("update", endpointSlices, { ...slice(name, ips), metadata: current.metadata });
  }

  const answers = (where: string, protocol: "tcp" | "udp", address: string, port: number, expected: RegExp) =>
    vi.waitFor(async () => expect(await machine.ask(where, protocol, address, port)).toMatch(expected), {
      timeout: 20_000,
      interval: 50,
    });

  test("A ClusterIP is refused until it has endpoints, then answers pods and the machine, TCP and UDP", async () => {
    const ip = await makeService("web", {});
    await answers("client", "tcp", ip, 80, /^refused$/);
    await answers("client", "udp", ip, 80, /^refused$/);
    await answers("", "tcp", ip, 80, /^refused$/);
    await setEndpoints("web", [a]);
    await answers("client", "tcp", ip, 80, /^a 10\.102\.0\.12$/);
    await answers("client", "udp", ip, 80, /^a 10\.102\.0\.12$/);
    await answers("", "tcp", ip, 80, /^a 10\.102\.0\.1$/);
    await answers("", "udp", ip, 80, /^a 10\.102\.0\.1$/);
    // Nobody's address, and a port that the Service does not have.
    await answers("client", "tcp", "10.96.200.200", 80, /^refused$/);
    await answers("client", "tcp", ip, 81, /^refused$/);
  }, 60_000);

  test("Endpoints share the load, and a pod reaches itself by its Service", async () => {
    const ip = await makeService("both", {});
    await setEndpoints("both", [a, b]);
    await answers("client", "tcp", ip, 80, /^[ab] /);
    const seen = new Set<string>();
    for (let tries = 0; tries < 60 && seen.size < 2; tries++) {
      const answer = await machine.ask("client", "tcp", ip, 80);
      if (answer !== "silent") seen.add(answer);
    }
    expect(seen.size).toBe(2);
    await setEndpoints("both", [a]);
    await answers("a", "tcp", ip, 80, /^a 10\.102\.0\.1$/);
    await answers("a", "udp", ip, 80, /^a 10\.102\.0\.1$/);
  }, 60_000);

  test("With affinity a client stays with its endpoint", async () => {
    const ip = await makeService("sticky", { sessionAffinity: "ClientIP" });
    await setEndpoints("sticky", [a, b]);
    await answers("client", "tcp", ip, 80, /^[ab] /);
    const seen = new Set<string>();
    for (let tries = 0; tries < 12; tries++) seen.add(await machine.ask("client", "tcp", ip, 80));
    // On a busy machine an answer may come too late.
    seen.delete("silent");
    expect(seen.size).toBe(1);
  }, 60_000);

  test("A UDP client finds the new endpoint when the old one is gone", async () => {
    const ip = await makeService("moved", {});
    await setEndpoints("moved", [a]);
    await answers("client", "udp", ip, 80, /^a /);
    await setEndpoints("moved", [b]);
    await answers("client", "udp", ip, 80, /^b /);
  }, 60_000);

  test("A node port answers on every address of the machine, from near and far", async () => {
    await makeService("np", { type: "NodePort", ports: nodePorts(30_080) });
    await answers("lan", "tcp", machine.address, 30_080, /^refused$/);
    await setEndpoints("np", [a]);
    await answers("lan", "tcp", machine.address, 30_080, /^a 10\.102\.0\.1$/);
    await answers("lan", "udp", machine.address, 30_080, /^a 10\.102\.0\.1$/);
    await answers("client", "tcp", machine.address, 30_080, /^a /);
    await answers("", "tcp", machine.address, 30_080, /^a /);
    await answers("", "tcp", "127.0.0.1", 30_080, /^a /);
    await answers("", "udp", "127.0.0.1", 30_080, /^a /);
  }, 60_000);

  test("With the local policy an endpoint sees who asks, and an external address answers", async () => {
    await makeService("local", {
      type: "NodePort",
      externalTrafficPolicy: "Local",
      externalIPs: ["10.102.77.7"],
      ports: nodePorts(30_081),
    });
    await setEndpoints("local", [a]);
    await machine.run("lan", "ip", "route", "replace", "10.102.77.7", "via", "10.102.9.1");
    await answers("lan", "tcp", machine.address, 30_081, /^a 10\.102\.9\.2$/);
    await answers("lan", "tcp", "10.102.77.7", 80, /^a 10\.102\.9\.2$/);
  }, 60_000);

  test("Names are answered at the address of the DNS Service, over UDP and TCP", async () => {
    const ip = await makeService("named", {});
    const resolve = (where: string, name = "named.default.svc.cluster.local") =>
      machine.run(
        where,
        process.execPath,
        "-e",
        `const r = new (require("node:dns").promises.Resolver)(); r.setServers(["10.96.0.10"]);
         r.resolve4("${name}").then(console.log, (e) => console.log(e.code));`,
      );
    await vi.waitFor(async () => expect(await resolve("client")).toContain(ip), 20_000);
    expect(await resolve("")).toContain(ip);
    // The machine has no way out: that is told, and not waited for.
    expect(await resolve("client", "www.example.com")).toContain("ESERVFAIL");
    // In bytes: a TCP connection is taken.
    expect(await machine.ask("client", "tcp", "10.96.0.10", 53)).toBe("silent");
  }, 60_000);

  test("Pods reach the API server, which listens on the loopback address alone", async () => {
    const out = await machine.run(
      "client",
      process.execPath,
      "-e",
      `fetch("https://10.96.0.1/version").catch((e) => console.log(e.cause.code))`,
    );
    // As far as the certificate, whose authority the client does not know.
    expect(out).toMatch(/SELF_SIGNED|UNABLE_TO_VERIFY/);
  }, 60_000);

  test("Rules that somebody takes away come back when asked for", async () => {
    const ip = await makeService("again", {});
    await setEndpoints("again", [a]);
    await answers("client", "tcp", ip, 80, /^a /);
    await machine.run("", "iptables", "-t", "nat", "-F", "PREROUTING");
    await machine.call("resync");
    await answers("client", "tcp", ip, 80, /^a /);
  }, 60_000);

  test("A crashed run's rules go with the next one's, and all of them at the end; others' stay", async () => {
    await machine.run("", "iptables", "-t", "nat", "-N", "PWT-other-X");
    await machine.run("", "iptables", "-t", "nat", "-A", "PREROUTING", "-j", "PWT-other-X");
    const jumps = async () => (await machine.run("", "iptables-save")).match(/^-A [A-Z]+ -j PWT-/gm)?.length;
    const before = await jumps();
    await machine.stopNetwork(true);
    made.splice(0);
    expect(await jumps()).toBe(before);
    await machine.startNetwork();
    expect(await jumps()).toBe(before);
    // One in memory has another id the next time.
    await machine.stopNetwork(true);
    await machine.startNetwork({ clusterId: "another one's" });
    await vi.waitFor(async () => expect(await jumps()).toBe(before), 20_000);
    await machine.stopNetwork();
    expect((await machine.run("", "iptables-save")).match(/PWT-\S+/g)).toEqual(["PWT-other-X", "PWT-other-X"]);
    expect(await machine.run("", "ip", "route")).not.toContain("10.96.0.0/16");
    expect(await machine.run("", "ss", "-Hlntu")).not.toContain("10.102.0.1");
  }, 60_000);
});

function nodePorts(port: number): object[] {
  return [
    { name: "tcp", port: 80, targetPort: 8080, nodePort: port },
    { name: "udp", port: 80, targetPort: 8080, protocol: "UDP", nodePort: port },
  ];
}
