import { expect, test } from "vitest";
import { podOf } from "../testing/objects.ts";
import { hostsFile, kernelHostname, podHostname } from "./hosts-file.ts";
import { podDirectory } from "./pod-directory.ts";
import { podDns, resolvConf } from "./pod-dns.ts";

const own = { podIps: ["10.1.2.3"], hostname: "p", domain: "", nodeHosts: "127.0.0.1 node\n" };

test("the hosts file has the pod's addresses, names and aliases", () => {
  const pod = podOf("p", [{}], { hostAliases: [{ ip: "10.9.9.9", hostnames: ["a", "b.example"] }] });
  expect(hostsFile(pod, { ...own, domain: "sub.default.svc.cluster.local" })).toBe(
    `# Kubernetes-managed hosts file.
127.0.0.1	localhost
::1	localhost ip6-localhost ip6-loopback
fe00::0	ip6-localnet
fe00::0	ip6-mcastprefix
fe00::1	ip6-allnodes
fe00::2	ip6-allrouters
10.1.2.3	p.sub.default.svc.cluster.local	p

# Entries added by HostAliases.
10.9.9.9	a	b.example
`,
  );
});

test("a pod on the node's network has the node's hosts file", () => {
  const pod = podOf("p", [{}], { hostNetwork: true });
  expect(hostsFile(pod, own)).toBe("# Kubernetes-managed hosts file (host network).\n127.0.0.1 node\n");
});

test("the host name is the pod's, or what it asks for, and not longer than a name may be", () => {
  const long = `${"a".repeat(62)}-b`;
  expect(podHostname(podOf(long, [{}]), "cluster.local").hostname).toBe("a".repeat(62));
  const asked = podOf("p", [{}], { hostname: "h", subdomain: "s" });
  expect(podHostname(asked, "cluster.local")).toEqual({ hostname: "h", domain: "s.default.svc.cluster.local" });
  const overridden = podOf("p", [{}], { hostname: "h", subdomain: "s", hostnameOverride: "x.y" });
  expect(podHostname(overridden, "cluster.local")).toEqual({ hostname: "x.y", domain: "" });
});

test("the kernel's name has the domain where the pod wants it, and room for it", () => {
  const asked = podOf("p", [{}], { subdomain: "s", setHostnameAsFQDN: true });
  expect(kernelHostname(asked, "cluster.local")).toBe("p.s.default.svc.cluster.local");
  expect(kernelHostname(podOf("p", [{}], { subdomain: "s" }), "cluster.local")).toBe("p");
  const long = podOf("a".repeat(60), [{}], { subdomain: "s", setHostnameAsFQDN: true });
  expect(() => kernelHostname(long, "cluster.local")).toThrow(
    "is too long (64 characters is the max, 88 characters requested)",
  );
});

const cluster = {
  clusterDns: ["10.96.0.10"],
  clusterDomain: "cluster.local",
  nodeResolvConf: "# node\nnameserver 1.1.1.1\nsearch old\nsearch corp.example.\noptions ndots:2 rotate\n",
};

test("a pod asks the cluster's DNS, with the cluster's domains before the node's", () => {
  expect(resolvConf(podDns(podOf("p", [{}]), cluster))).toBe(
    "search default.svc.cluster.local svc.cluster.local cluster.local corp.example\nnameserver 10.96.0.10\noptions ndots:5\n",
  );
});

test("dnsPolicy and dnsConfig say otherwise", () => {
  const ofNode = { servers: ["1.1.1.1"], searches: ["corp.example"], options: ["ndots:2", "rotate"] };
  expect(podDns(podOf("p", [{}], { dnsPolicy: "Default" }), cluster)).toEqual(ofNode);
  expect(podDns(podOf("p", [{}], { hostNetwork: true, dnsPolicy: "ClusterFirst" }), cluster)).toEqual(ofNode);
  const withNet = podOf("p", [{}], { hostNetwork: true, dnsPolicy: "ClusterFirstWithHostNet" });
  expect(podDns(withNet, cluster).servers).toEqual(["10.96.0.10"]);
  const dnsConfig = {
    nameservers: ["8.8.8.8"],
    searches: ["a.example"],
    options: [{ name: "ndots", value: "1" }, { name: "edns0" }],
  };
  expect(podDns(podOf("p", [{}], { dnsPolicy: "None", dnsConfig }), cluster)).toEqual({
    servers: ["8.8.8.8"],
    searches: ["a.example"],
    options: ["ndots:1", "edns0"],
  });
  expect(podDns(podOf("p", [{}], { dnsConfig }), cluster)).toMatchObject({
    servers: ["10.96.0.10", "8.8.8.8"],
    options: ["ndots:1", "edns0"],
  });
});

test("what is too much is left out, and that is said", () => {
  const said: string[] = [];
  const nameservers = ["1.0.0.1", "1.0.0.2", "1.0.0.3", "1.0.0.4"];
  const pod = podOf("p", [{}], { dnsPolicy: "None", dnsConfig: { nameservers } });
  expect(podDns(pod, { ...cluster, tooMuch: (message) => said.push(message) }).servers).toHaveLength(3);
  expect(said).toEqual([
    "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 1.0.0.1 1.0.0.2 1.0.0.3",
  ]);
});

test("a uid that leads out of the node's folder is refused", () => {
  expect(() => podDirectory("/n", "../x")).toThrow("is no file name");
  expect(podDirectory("/n", "u").log("c", 2)).toBe("/n/pods/u/containers/c/2.log");
});
