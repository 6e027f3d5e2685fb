import { expect, test } from "vitest";
import type { Service } from "../../kinds.ts";
import { type EndpointSlice, servicePorts } from "../service-ports.ts";
import { chainNames } from "./chain-names.ts";
import { staleFlows } from "./conntrack.ts";
import { difference, removal } from "./rule-set.ts";
import { serviceJumps, serviceRules } from "./service-rules.ts";

const names = chainNames("test");
const facts = {
  podCidr: "10.102.0.0/24",
  serviceCidr: "10.96.0.0/16",
  gateway: "10.102.0.1",
  bridgedPackets: true,
  owner: "process 1-2.boot pid:[1]",
  gatewayPorts: [{ protocol: "UDP" as const, port: 53 }],
};

const service = (spec: object, metadata: object = {}): Service =>
  ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default", ...metadata },
    spec: { clusterIP: "10.96.1.1", ports: [{ port: 80, protocol: "TCP" }], ...spec },
  }) as unknown as Service;

const slice = (endpoints: object[], port: object = { name: "", port: 8080, protocol: "TCP" }): EndpointSlice =>
  ({ addressType: "IPv4", metadata: {}, endpoints, ports: [port] }) as unknown as EndpointSlice;

const ready = (ip: string) => ({
  addresses: [ip],
  nodeName: "node-1",
  conditions: { ready: true, serving: true, terminating: false },
});

/** As iptables-restore reads them. */
function text(entries: ReturnType<typeof servicePorts>): string {
  return difference(new Map(), serviceRules(entries, names, facts));
}

test("A ClusterIP leads to its endpoints in equal shares", () => {
  const rules = text(servicePorts(service({}), [slice([ready("10.102.0.5"), ready("10.102.0.6")])]));
  expect(rules).toMatch(
    /-A PWT-\w+-CLUSTERIPS -d 10\.96\.1\.1\/32 -p tcp -m comment --comment "default\/web" -m tcp --dport 80 -j PWT-\w+-S/,
  );
  expect(rules).toMatch(/-m statistic --mode random --probability 0\.5000000000 -j PWT-\w+-P/);
  expect(rules).toContain("-j DNAT --to-destination 10.102.0.5:8080");
  expect(rules).toContain("-s 10.102.0.5/32 -j MARK --set-xmark 0x2000/0x2000");
  expect(rules).not.toContain("--dport 80 -j REJECT");
});

test("A Service without endpoints is refused, by whatever address it has", () => {
  const rules = text(
    servicePorts(
      service({
        externalIPs: ["192.0.2.9"],
        ports: [{ port: 80, protocol: "TCP", nodePort: 30_080 }],
        type: "NodePort",
      }),
      [],
    ),
  );
  expect(rules).toContain(
    `-d 10.96.1.1/32 -p tcp -m comment --comment "default/web" -m tcp --dport 80 -j REJECT --reject-with tcp-reset`,
  );
  expect(rules).toContain(
    `-d 192.0.2.9/32 -p tcp -m comment --comment "default/web" -m tcp --dport 80 -j REJECT --reject-with tcp-reset`,
  );
  expect(rules).toContain(
    `-m addrtype --dst-type LOCAL -p tcp -m comment --comment "default/web" -m tcp --dport 30080 -j REJECT`,
  );
  expect(rules).not.toContain("DNAT --to");
});

test("Endpoints that end serve only while none is ready", () => {
  const ending = { addresses: ["10.102.0.7"], conditions: { ready: false, serving: true, terminating: true } };
  const gone = { addresses: ["10.102.0.8"], conditions: { ready: false, serving: false, terminating: true } };
  const unready = { addresses: ["10.102.0.9"], conditions: { ready: false, serving: false, terminating: false } };
  const ips = (endpoints: object[]) => servicePorts(service({}), [slice(endpoints)])[0]?.endpoints.map(({ ip }) => ip);
  expect(ips([ready("10.102.0.5"), ending, gone, unready])).toEqual(["10.102.0.5"]);
  expect(ips([ending, gone, unready])).toEqual(["10.102.0.7"]);
  expect(ips([{ addresses: ["10.102.0.4"] }])).toEqual(["10.102.0.4"]);
});

test("With affinity a client finds its endpoint again", () => {
  const affine = service({ sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } });
  const rules = text(servicePorts(affine, [slice([ready("10.102.0.5")])]));
  expect(rules).toMatch(/-m recent --name (PWT-\w+-P\w+) --rcheck --seconds 60 --reap -j \1/);
  expect(rules).toMatch(/-m recent --name PWT-\w+-P\w+ --set -m tcp -j DNAT/);
});

test("A local policy keeps strangers to endpoints on nodes, and lets pods have all", () => {
  const spec = {
    type: "NodePort",
    externalTrafficPolicy: "Local",
    ports: [{ port: 80, protocol: "TCP", nodePort: 30_080 }],
  };
  const elsewhere = { addresses: ["192.0.2.7"], conditions: { ready: true } };
  const rules = text(servicePorts(service(spec), [slice([ready("10.102.0.5"), elsewhere])]));
  expect(rules).toMatch(/-A PWT-\w+-E\w+ -s 10\.102\.0\.0\/24 -j PWT-\w+-S/);
  expect(rules.match(/-A PWT-\w+-L\w+ .*/g)).toHaveLength(1);
  const none = text(servicePorts(service(spec), [slice([elsewhere])]));
  expect(none).toContain(`--dport 30080 -j DROP`);
});

test("Headless Services, aliases and those of another proxy have no rules", () => {
  expect(servicePorts(service({ clusterIP: "None" }), [])).toEqual([]);
  expect(servicePorts(service({ type: "ExternalName", clusterIP: "" }), [])).toEqual([]);
  expect(servicePorts(service({}, { labels: { "service.kubernetes.io/service-proxy-name": "mine" } }), [])).toEqual([]);
});

test("Only chains that change are written", () => {
  const one = serviceRules(servicePorts(service({}), [slice([ready("10.102.0.5")])]), names, facts);
  const two = serviceRules(servicePorts(service({}), [slice([ready("10.102.0.6")])]), names, facts);
  expect(difference(one, one)).toBe("");
  const change = difference(one, two);
  expect(change).not.toContain("*filter");
  expect(change.match(/^:PWT-\w+-[SP]\w+ /gm)).toHaveLength(3);
  expect(change.match(/^-X PWT-\w+-P/gm)).toHaveLength(1);
});

test("What is taken away is the cluster's alone", () => {
  const other = chainNames("other").prefix;
  const saved = [
    "*nat",
    ":PREROUTING ACCEPT [0:0]",
    `:${names.prefix}A - [0:0]`,
    `:${other}A - [0:0]`,
    ":DOCKER - [0:0]",
    `-A PREROUTING -j ${names.prefix}A`,
    `-A PREROUTING -j ${other}A`,
    "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
    "COMMIT",
    "*filter",
    ":DOCKER - [0:0]",
    "COMMIT",
  ].join("\n");
  expect(removal(saved, names.prefix)).toBe(
    ["*nat", `:${names.prefix}A - [0:0]`, `-D PREROUTING -j ${names.prefix}A`, `-X ${names.prefix}A`, "COMMIT\n"].join(
      "\n",
    ),
  );
  expect(serviceJumps(names)).toHaveLength(6);
});

test("UDP flows to endpoints that left are forgotten, and those from before there was any", () => {
  const port = { name: "", port: 53, protocol: "UDP" };
  const dns = service({ ports: [{ port: 53, protocol: "UDP" }] });
  const entries = (ips: string[]) => servicePorts(dns, [slice(ips.map(ready), port)]);
  expect(staleFlows(entries(["10.102.0.5", "10.102.0.6"]), entries(["10.102.0.6"]))).toEqual([
    ["-p", "udp", "--orig-dst", "10.96.1.1", "--orig-port-dst", "53", "--dst-nat", "10.102.0.5"],
  ]);
  expect(staleFlows(entries([]), entries(["10.102.0.6"]))).toEqual([
    ["-p", "udp", "--orig-dst", "10.96.1.1", "--orig-port-dst", "53"],
  ]);
});
