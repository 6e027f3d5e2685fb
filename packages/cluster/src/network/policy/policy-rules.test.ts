import { expect, test } from "vitest";
import { chainNames } from "../rules/chain-names.ts";
import type { NetworkPolicy, PolicyPod, PolicyState } from "./network-policy.ts";
import { policyRules } from "./policy-rules.ts";

const names = chainNames("test");
const facts = { podCidr: "10.102.0.0/24", dns: { ip: "10.102.0.1", port: 5353 } };

const pod = (
  ip: string,
  namespace: string,
  labels: Record<string, string>,
  ports: PolicyPod["ports"] = [],
): PolicyPod => ({
  ip,
  namespace,
  labels,
  ports,
});

const web = pod("10.102.0.5", "shop", { app: "web" }, [{ name: "http", port: 8080, protocol: "TCP" }]);
const db = pod("10.102.0.6", "shop", { app: "db" });
const stranger = pod("10.102.0.7", "other", { app: "web" });
const dns: PolicyPod = {
  ...pod("10.102.0.1", "kube-system", { "k8s-app": "kube-dns" }),
  ports: [{ name: "dns", port: 5353, protocol: "UDP" }],
};

const policy = (spec: object, name = "p"): NetworkPolicy =>
  ({ metadata: { name, namespace: "shop" }, spec }) as unknown as NetworkPolicy;

/** Who may get into, or out of, the pod: the rules of its chain. */
function rules(policies: NetworkPolicy[], ip: string, direction: "s" | "d"): string[] | undefined {
  const state: PolicyState = {
    policies,
    pods: [web, db, stranger, dns],
    namespaceLabels: new Map([
      ["shop", { team: "a" }],
      ["other", { team: "b" }],
      ["kube-system", { "kubernetes.io/metadata.name": "kube-system" }],
    ]),
  };
  const chains = policyRules(state, names, facts).get("mangle");
  const rule = chains?.get(names.fixed("POLICY"))?.find((each) => each.startsWith(`-${direction} ${ip}/32 -j PWT`));
  return [...(chains?.get(rule?.split(" -j ")[1] ?? "") ?? [])];
}

test("Nobody is kept from anything where nothing selects him", () => {
  const denying = policy({ podSelector: { matchLabels: { app: "db" } }, policyTypes: ["Ingress"] });
  expect(rules([denying], web.ip, "d")).toEqual([]);
  expect(rules([denying], db.ip, "d")).toEqual(["-j DROP"]);
  expect(rules([denying], db.ip, "s")).toEqual([]);
  expect(rules([denying], stranger.ip, "d")).toEqual([]);
});

test("Peers are pods of the namespace, of chosen namespaces, or of both chosen", () => {
  const from = (...peers: object[]) => policy({ podSelector: {}, ingress: [{ from: peers }] });
  expect(rules([from({ podSelector: { matchLabels: { app: "web" } } })], db.ip, "d")).toEqual([
    "-s 10.102.0.5/32 -j RETURN",
    "-j DROP",
  ]);
  expect(rules([from({ namespaceSelector: { matchLabels: { team: "b" } } })], db.ip, "d")).toEqual([
    "-s 10.102.0.7/32 -j RETURN",
    "-j DROP",
  ]);
  const both = { namespaceSelector: {}, podSelector: { matchLabels: { app: "web" } } };
  expect(rules([from(both)], db.ip, "d")).toEqual([
    "-s 10.102.0.5/32 -j RETURN",
    "-s 10.102.0.7/32 -j RETURN",
    "-j DROP",
  ]);
});

test("A range leaves out its exceptions", () => {
  const spec = {
    podSelector: {},
    ingress: [{ from: [{ ipBlock: { cidr: "192.0.2.0/24", except: ["192.0.2.128/25"] } }] }],
  };
  expect(rules([policy(spec)], db.ip, "d")).toEqual(["-s 192.0.2.0/25 -j RETURN", "-j DROP"]);
});

test("Ports are numbers, ranges, names of the pod's, or a protocol", () => {
  const spec = {
    podSelector: {},
    ingress: [
      {
        ports: [
          { protocol: "TCP", port: 80 },
          { protocol: "TCP", port: 100, endPort: 200 },
          { protocol: "TCP", port: "http" },
          { protocol: "TCP", port: "nobody's" },
          { protocol: "UDP" },
        ],
      },
    ],
  };
  expect(rules([policy(spec)], web.ip, "d")).toEqual([
    "-p tcp -m tcp --dport 80 -j RETURN",
    "-p tcp -m tcp --dport 100:200 -j RETURN",
    "-p tcp -m tcp --dport 8080 -j RETURN",
    "-p udp -j RETURN",
    "-j DROP",
  ]);
});

test("What one policy allows, another does not take away", () => {
  const denying = policy({ podSelector: {}, policyTypes: ["Ingress"] }, "deny");
  const allowing = policy({ podSelector: {}, ingress: [{}] }, "allow");
  expect(rules([denying, allowing], db.ip, "d")).toEqual(["-j RETURN", "-j DROP"]);
});

test("DNS must be allowed as in a cluster whose DNS is a pod, on port 53 wherever it really is", () => {
  const spec = {
    podSelector: {},
    policyTypes: ["Egress"],
    egress: [
      {
        to: [{ namespaceSelector: {}, podSelector: { matchLabels: { "k8s-app": "kube-dns" } } }],
        ports: [{ protocol: "UDP", port: 53 }],
      },
    ],
  };
  expect(rules([policy(spec)], db.ip, "s")).toEqual([
    "-d 10.102.0.1/32 -p udp -m udp --dport 53 -j RETURN",
    "-d 10.102.0.1/32 -p udp -m udp --dport 5353 -j RETURN",
    "-j DROP",
  ]);
});
