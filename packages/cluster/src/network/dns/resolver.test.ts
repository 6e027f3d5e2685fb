import { services } from "@podwright/client";
import type { RecordType } from "dns-packet";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { askResolver, datas, openShop, type Shop, shopService } from "./testing/shop.ts";
import type { UpstreamServer } from "./upstream.ts";

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop?.close());

const ask = (name: string, type: RecordType = "A", more: object = {}) => askResolver(shop.resolver, name, type, more);

describe("names of the cluster", () => {
  test("A Service has its ClusterIP, in the client's spelling", async () => {
    const message = await ask("Web.shop.svc.cluster.LOCAL");
    expect(message.id).toBe(77);
    expect(message.answers).toMatchObject([{ name: "Web.shop.svc.cluster.LOCAL", data: "10.96.5.5", ttl: 5 }]);
    expect(message.flag_aa).toBe(true);
    expect(message.flag_ra).toBe(true);
  });

  test("What has no IPv6 address has no data, with a SOA to remember it by", async () => {
    const message = await ask("web.shop.svc.cluster.local", "AAAA");
    expect(message.rcode).toBe("NOERROR");
    expect(message.answers).toEqual([]);
    expect(message.authorities).toMatchObject([{ type: "SOA", name: "cluster.local", ttl: 5, data: { minimum: 5 } }]);
  });

  test.each([
    "nobody.shop.svc.cluster.local",
    "web.nowhere.svc.cluster.local",
    "empty.shop.svc.cluster.local",
    "db-2.db.shop.svc.cluster.local",
    "www.example.com.shop.svc.cluster.local",
    "no-address.shop.pod.cluster.local",
    "1-2-3-4.nowhere.pod.cluster.local",
    "foo.cluster.local",
    "9.0.102.10.in-addr.arpa",
  ])("%s does not exist", async (name) => {
    const message = await ask(name);
    expect(message.rcode).toBe("NXDOMAIN");
    expect(message.authorities).toHaveLength(1);
  });

  test.each(["cluster.local", "svc.cluster.local", "shop.svc.cluster.local", "pod.cluster.local"])(
    "%s exists and has no address",
    async (name) => {
      const message = await ask(name);
      expect([message.rcode, message.answers]).toEqual(["NOERROR", []]);
    },
  );

  test("A headless Service has its ready pods' addresses, each by its host name too", async () => {
    expect(datas(await ask("db.shop.svc.cluster.local")).sort()).toEqual(["10.102.0.5", "10.102.0.6"]);
    expect(datas(await ask("db-0.db.shop.svc.cluster.local"))).toEqual(["10.102.0.5"]);
    expect(datas(await ask("10-102-0-6.db.shop.svc.cluster.local"))).toEqual(["10.102.0.6"]);
  });

  test("Ports are found by SRV", async () => {
    const web = await ask("_http._tcp.web.shop.svc.cluster.local", "SRV");
    expect(datas(web)).toEqual([{ port: 80, priority: 0, weight: 100, target: "web.shop.svc.cluster.local" }]);
    expect(web.additionals).toMatchObject([{ type: "A", data: "10.96.5.5" }]);
    expect(datas(await ask("_dns._udp.web.shop.svc.cluster.local", "SRV"))).toHaveLength(1);
    expect((await ask("_dns._tcp.web.shop.svc.cluster.local", "SRV")).rcode).toBe("NXDOMAIN");
    const db = await ask("_sql._tcp.db.shop.svc.cluster.local", "SRV");
    expect(datas(db)).toMatchObject([
      { port: 5432, target: "db-0.db.shop.svc.cluster.local", weight: 50 },
      { port: 5432, target: "10-102-0-6.db.shop.svc.cluster.local" },
    ]);
  });

  test("Addresses have names", async () => {
    expect(datas(await ask("5.5.96.10.in-addr.arpa", "PTR"))).toEqual(["web.shop.svc.cluster.local"]);
    expect(datas(await ask("5.0.102.10.in-addr.arpa", "PTR"))).toEqual(["db-0.db.shop.svc.cluster.local"]);
    expect(datas(await ask("1-2-3-4.shop.pod.cluster.local"))).toEqual(["1.2.3.4"]);
    expect(datas(await ask("ns.dns.cluster.local"))).toEqual(["10.96.0.10"]);
    expect(datas(await ask("dns-version.cluster.local", "TXT"))).toEqual([[Buffer.from("1.1.0")]]);
    expect(datas(await ask("cluster.local", "NS"))).toEqual(["ns.dns.cluster.local"]);
    expect(datas(await ask("cluster.local", "SOA"))).toMatchObject([{ serial: 1_700_000_000 }]);
  });

  test("An alias is followed, within the cluster and outside", async () => {
    expect(datas(await ask("near.shop.svc.cluster.local"))).toEqual(["web.shop.svc.cluster.local", "10.96.5.5"]);
    expect(datas(await ask("alias.shop.svc.cluster.local"))).toEqual(["www.example.com", "192.0.2.80"]);
    expect(datas(await ask("alias.shop.svc.cluster.local", "CNAME"))).toEqual(["www.example.com"]);
  });

  test("A Service made now is known now, and unknown when it is gone", async () => {
    expect((await ask("later.shop.svc.cluster.local")).rcode).toBe("NXDOMAIN");
    await shop.cluster.client
      .resource(services)
      .create(shopService("later", { clusterIP: "10.96.5.6", ports: [{ port: 80 }] }));
    await vi.waitFor(
      async () => expect(datas(await ask("later.shop.svc.cluster.local"))).toEqual(["10.96.5.6"]),
      20_000,
    );
    await shop.cluster.client.resource(services).delete("later", "shop");
    await vi.waitFor(async () => expect((await ask("later.shop.svc.cluster.local")).rcode).toBe("NXDOMAIN"), 20_000);
  });
});

describe("names of elsewhere", () => {
  test("are asked for once, and remembered", async () => {
    const before = shop.outside.asked.length;
    expect(datas(await ask("a.example.com"))).toEqual(["192.0.2.80"]);
    const again = await ask("A.Example.com");
    expect(again.questions).toMatchObject([{ name: "A.Example.com" }]);
    expect(datas(again)).toEqual(["192.0.2.80"]);
    expect(shop.outside.asked.length - before).toBe(1);
  });

  test("that do not exist do not exist", async () => {
    expect((await ask("nothing.test")).rcode).toBe("NXDOMAIN");
  });

  test("fail when nobody answers, also many at once, and the same is asked once", async () => {
    const before = shop.outside.asked.length;
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask("silent.test")));
    expect(new Set(answers.map(({ rcode }) => rcode))).toEqual(new Set(["SERVFAIL"]));
    expect(shop.outside.asked.length - before).toBe(1);
  });

  test("fail at once when there is no server, and go to the next when one is away", async () => {
    const [good] = shop.outside.servers.splice(0, 1) as [UpstreamServer];
    try {
      expect((await ask("b.example.com")).rcode).toBe("SERVFAIL");
      shop.outside.servers.push({ address: "127.0.0.1", port: 1 }, good);
      expect(datas(await ask("c.example.com"))).toEqual(["192.0.2.80"]);
    } finally {
      shop.outside.servers.splice(0, 2, good);
    }
  });
});
