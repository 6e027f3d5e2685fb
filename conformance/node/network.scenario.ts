/** Services and names of real pods: what network/pods.scenario.ts leaves open. */
import { createSocket } from "node:dgram";
import { networkInterfaces } from "node:os";
import { endpointSlices, services } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { nodeLaneMissing } from "../node-lane.ts";
import { type NodeScene, openNodeScene, patience } from "./scene.ts";

const why = nodeLaneMissing === undefined ? "" : ` (${nodeLaneMissing})`;
const serves = ["sh", "-c", "mkdir /w; hostname > /w/index.html; exec httpd -f -p 8080 -h /w"];

describe.skipIf(nodeLaneMissing !== undefined)(
  `Services and names${why}`,
  { timeout: 90_000, concurrent: true },
  () => {
    let scene: NodeScene;
    beforeAll(async () => {
      scene = await openNodeScene("names");
      const servers = ["web-0", "web-1"].map((name) =>
        scene.make(name, [{ command: serves }], { hostname: name, subdomain: "headless" }, { labels: { app: "web" } }),
      );
      await Promise.all([...servers, scene.make("client", [{}])]);
      await Promise.all(["web-0", "web-1", "client"].map(scene.isReady));
    }, 180_000);
    afterAll(() => scene?.lane.close());

    const makeService = (name: string, spec: object): Promise<KubeObject> =>
      scene.lane.client.resource(services).create({
        apiVersion: "v1",
        kind: "Service",
        metadata: { name, namespace: scene.namespace },
        spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: 8080 }], ...spec },
      });
    const ipOf = async (name: string): Promise<string> =>
      (await scene.reaches(name, ({ status }) => status?.podIP !== undefined))["status"].podIP;
    /** What answers a request from the pod; "" where nothing does. */
    const asked = async (host: string, port = 80, from = "client") => {
      const said = await scene.inPod(from, `printf "GET / HTTP/1.0\\r\\n\\r\\n" | nc -w 2 ${host} ${port}`);
      return said.trim().split("\n").at(-1) ?? "";
    };
    const nameOf = (service: string) => `${service}.${scene.namespace}.svc.cluster.local`;
    const looksUp = (name: string, expected: RegExp, type = "a") =>
      vi.waitFor(async () => {
        expect(await scene.inPod("client", `nslookup -type=${type} ${name} || true`)).toMatch(expected);
      }, patience);

    test("a pod reaches another by its address, which it sees as its own", async () => {
      const ip = await ipOf("web-0");
      expect(await asked(ip, 8080)).toBe("web-0");
      expect(await scene.inPod("web-0", "hostname -i")).toBe(`${ip}\n`);
      expect(await asked("127.0.0.1", 8080, "web-0")).toBe("web-0");
    });

    test("a Service's name is reached by all of its pods", async () => {
      await makeService("web", {});
      const seen = new Set<string>();
      await vi.waitFor(async () => {
        seen.add(await asked("web"));
        expect([...seen]).toEqual(expect.arrayContaining(["web-0", "web-1"]));
      }, patience);
    });

    test("UDP, and endpoints that are no pods: a name server on the machine", async () => {
      const server = createSocket("udp4");
      // Says of every name that there is none: bits of the question's own header.
      server.on("message", (question, { address, port }) => {
        const answer = Buffer.from(question);
        answer[2] = 0x81;
        answer[3] = 0x83;
        server.send(answer, port, address);
      });
      await new Promise<void>((resolve) => server.bind(0, ownAddress(), resolve));
      const { spec } = await makeService("udp", {
        selector: undefined,
        ports: [{ name: "dns", protocol: "UDP", port: 53 }],
      });
      await scene.lane.client.resource(endpointSlices).create({
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { name: "udp", namespace: scene.namespace, labels: { "kubernetes.io/service-name": "udp" } },
        addressType: "IPv4",
        ports: [{ name: "dns", protocol: "UDP", port: server.address().port }],
        endpoints: [{ addresses: [ownAddress()], conditions: { ready: true } }],
      });
      await vi.waitFor(async () => {
        const said = await scene.inPod("client", `nslookup -type=a some.test. ${spec.clusterIP} || true`);
        expect(said).toContain("can't find some.test.: NXDOMAIN");
      }, patience);
      server.close();
    });

    test("the same client stays with the same pod where it is asked for", async () => {
      const { spec } = await makeService("sticky", { sessionAffinity: "ClientIP" });
      await vi.waitFor(async () => expect(await asked(spec.clusterIP)).toMatch(/^web-/), patience);
      const answers: string[] = [];
      for (let i = 0; i < 6; i++) answers.push(await asked(spec.clusterIP));
      expect(new Set(answers).size).toBe(1);
    });

    test("headless: the pods' addresses, each by its name, and the ports by SRV", async () => {
      await makeService("headless", { clusterIP: "None" });
      const ips = [await ipOf("web-0"), await ipOf("web-1")];
      for (const ip of ips) await looksUp(nameOf("headless"), new RegExp(`Address: ${ip}\n`));
      await looksUp(`web-1.${nameOf("headless")}`, new RegExp(`Address: ${ips[1]}\n`));
      await looksUp(
        `_http._tcp.${nameOf("headless")}`,
        new RegExp(`service = \\d+ \\d+ 8080 web-[01].${nameOf("headless")}`),
        "srv",
      );
      await vi.waitFor(async () => expect(await asked("web-1.headless", 8080)).toBe("web-1"), patience);
    });

    test("a name for another name, and an address for one", async () => {
      await makeService("outside", { type: "ExternalName", externalName: nameOf("kubernetes") });
      await looksUp(nameOf("outside"), new RegExp(`canonical name = ${nameOf("kubernetes")}`), "cname");
      const { spec } = await makeService("back", {});
      await vi.waitFor(async () => {
        expect(await scene.inPod("client", `nslookup ${spec.clusterIP} || true`)).toContain(
          `name = ${nameOf("back")}\n`,
        );
      }, patience);
    });

    test("a Service without pods refuses, and is reached when it has one", async () => {
      const { spec } = await makeService("later", { selector: { app: "later" } });
      await vi.waitFor(async () => {
        expect(await scene.inPod("client", `nc -w 2 ${spec.clusterIP} 80`)).toContain("refused");
      }, patience);
      const labels = { app: "later" };
      await scene.make("later", [{ command: serves }], {}, { labels });
      await scene.isReady("later");
      await vi.waitFor(async () => expect(await asked(spec.clusterIP)).toBe("later"), patience);
    });

    test("names as a pod chooses", async () => {
      const dnsConfig = {
        nameservers: ["192.0.2.53"],
        searches: ["a.example"],
        options: [{ name: "ndots", value: "2" }],
      };
      await scene.make("own-dns", [{}], { dnsPolicy: "None", dnsConfig });
      await scene.make("host-dns", [{}], { hostNetwork: true, dnsPolicy: "ClusterFirstWithHostNet" });
      await Promise.all(["own-dns", "host-dns"].map(scene.isReady));
      expect(await scene.inPod("own-dns", "cat /etc/resolv.conf")).toBe(
        "search a.example\nnameserver 192.0.2.53\noptions ndots:2\n",
      );
      expect(await scene.inPod("host-dns", "cat /etc/resolv.conf")).toContain("nameserver 10.96.0.10\n");
    });

    test("a port of the host", async () => {
      const hostPort = 38_000 + (process.pid % 1000);
      await scene.make("host-port", [{ command: serves, ports: [{ containerPort: 8080, hostPort }] }]);
      const pod = await scene.isReady("host-port");
      await vi.waitFor(async () => {
        expect(await (await fetch(`http://${pod["status"].hostIP}:${hostPort}`)).text()).toBe("host-port\n");
      }, patience);
    });
  },
);

/** Of this machine, as pods reach it. */
function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((of) => of ?? []);
  return addresses.find(({ internal, family }) => !internal && family === "IPv4")?.address ?? "127.0.0.1";
}
