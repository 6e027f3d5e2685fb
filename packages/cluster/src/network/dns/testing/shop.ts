/** A namespace "shop" with Services of all sorts, a DNS server that knows them, and one upstream. */
import { createSocket } from "node:dgram";
import { endpointSlices, InformerFactory, namespaces, services, silentLogger, systemClock } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { type Answer, decode, encode, type Question, type RecordType } from "dns-packet";
import { type Cluster, startCluster } from "../../../start-cluster.ts";
import { ClusterZone } from "../cluster-zone.ts";
import { Forwarder } from "../forwarder.ts";
import { createResolver, type Resolver } from "../resolver.ts";
import { type DnsServer, startDnsServer } from "../server.ts";
import { Upstream, type UpstreamServer } from "../upstream.ts";

export interface Shop {
  cluster: Cluster;
  resolver: Resolver;
  server: DnsServer;
  outside: Outside;
  close(): Promise<void>;
}

/** The server upstream: what it was asked, and where it is. */
export interface Outside {
  asked: string[];
  servers: UpstreamServer[];
  close(): void;
}

export type Message = ReturnType<typeof decode> & { rcode: string };

export async function openShop(): Promise<Shop> {
  const cluster = await startCluster({ nodes: 0 });
  const { client } = cluster;
  const informers = new InformerFactory(client);
  const outside = await startOutside();
  const zone = new ClusterZone({
    informers,
    clusterDomain: "cluster.local",
    address: "10.96.0.10",
    podCidr: "10.102.0.0/24",
    serviceCidr: "10.96.0.0/16",
    now: () => 1_700_000_000_000,
    random: () => 0,
  });
  const upstream = new Upstream({
    servers: async () => outside.servers,
    clock: systemClock,
    patienceMs: 50,
    limitMs: 300,
  });
  const resolver = createResolver(zone, new Forwarder(upstream, systemClock));
  const server = await startDnsServer({ address: "127.0.0.1", ports: [0], resolver, logger: silentLogger });
  await client.resource(namespaces).create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
  for (const object of shopServices()) await client.resource(services).create(object);
  for (const object of shopSlices()) await client.resource(endpointSlices).create(object);
  informers.start();
  await zone.synced();
  return {
    cluster,
    resolver,
    server,
    outside,
    async close() {
      await server.close();
      outside.close();
      await informers.stop();
      await cluster.stop();
    },
  };
}

function shopServices(): KubeObject[] {
  return [
    shopService("web", {
      clusterIP: "10.96.5.5",
      ports: [
        { name: "http", port: 80 },
        { name: "dns", port: 53, protocol: "UDP" },
      ],
    }),
    shopService("db", { clusterIP: "None", ports: [{ name: "sql", port: 5432 }] }),
    shopService("many", { clusterIP: "None", ports: [{ name: "sql", port: 5432 }] }),
    shopService("empty", { clusterIP: "None", ports: [{ port: 80 }] }),
    shopService("alias", { type: "ExternalName", externalName: "www.example.com" }),
    shopService("near", { type: "ExternalName", externalName: "web.shop.svc.cluster.local" }),
  ];
}

function shopSlices(): KubeObject[] {
  const ready = { ready: true };
  return [
    slice("db", [
      { addresses: ["10.102.0.5"], hostname: "db-0", conditions: ready },
      { addresses: ["10.102.0.6"], conditions: ready },
      { addresses: ["10.102.0.7"], hostname: "db-2", conditions: { ready: false } },
    ]),
    slice(
      "many",
      Array.from({ length: 90 }, (_unused, at) => ({ addresses: [`10.102.0.${100 + at}`], conditions: ready })),
    ),
  ];
}

export function shopService(name: string, spec: object): KubeObject {
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace: "shop" }, spec } as KubeObject;
}

function slice(name: string, endpoints: object[]): KubeObject {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `${name}-1`, namespace: "shop", labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    endpoints,
    ports: [{ name: "sql", port: 5432, protocol: "TCP" }],
  } as unknown as KubeObject;
}

/** A server upstream: knows example.com, says NXDOMAIN of others, is silent on "silent.". */
async function startOutside(): Promise<Outside> {
  const asked: string[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (message, from) => {
    const { id, questions } = decode(message);
    const [question] = questions as [Question];
    asked.push(question.name);
    if (question.name.startsWith("silent")) return;
    const isKnown = question.name.toLowerCase().endsWith("example.com");
    const answers: Answer[] = isKnown ? [{ name: question.name, type: "A", ttl: 300, data: "192.0.2.80" }] : [];
    socket.send(
      encode({ type: "response", id: id ?? 0, flags: isKnown ? 0 : 3, questions: [question], answers }),
      from.port,
      from.address,
    );
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const servers = [{ address: "127.0.0.1", port: socket.address().port }];
  return { asked, servers, close: () => socket.close() };
}

/** Asks as a client does over UDP. */
export async function askResolver(resolver: Resolver, name: string, type: RecordType, more: object): Promise<Message> {
  const query = encode({ type: "query", id: 77, flags: 256, questions: [{ name, type }], ...more });
  return decode((await resolver.resolve(query, "udp")) as Buffer) as Message;
}

export function datas(message: { answers?: Answer[] | undefined }): unknown[] {
  return (message.answers ?? []).map((answer) => (answer as { data: unknown }).data);
}
