import type { KubeObject } from "@podwright/kube";
import { expect, test } from "vitest";
import { PackWorkloads } from "./pack-workloads.ts";

const item = (kind: string, name: string, namespace?: string) => ({
  apiVersion: kind === "Service" ? "v1" : "apps/v1",
  kind,
  name,
  ...(namespace === undefined ? {} : { namespace }),
});
const pack = (annotations: Record<string, string>, inventory: object[]): KubeObject => ({
  apiVersion: "k8s.kubit.ir/v1alpha1",
  kind: "Pack",
  metadata: { name: "p", namespace: "default", annotations },
  status: { inventory },
});
const asking = { "podwright.dev/watch-to-redeploy": "auto" };

test("a Pack has a say about the workloads of its release, in whatever namespace they are", () => {
  const packs = new PackWorkloads();
  const one = pack(asking, [item("Deployment", "web"), item("StatefulSet", "db", "data"), item("Service", "web")]);
  expect(packs.set(one)).toEqual(["Deployment/default/web", "StatefulSet/data/db"]);
  expect(packs.of("StatefulSet/data/db")).toEqual([one]);
  expect(packs.of("Deployment/default/other")).toEqual([]);
});

test("what changes in inventory or annotations touches the workloads it had and has", () => {
  const packs = new PackWorkloads();
  packs.set(pack(asking, [item("Deployment", "a")]));
  expect(packs.set(pack(asking, [item("Deployment", "a")]))).toEqual([]);
  expect(packs.set(pack(asking, [item("DaemonSet", "b")]))).toEqual(["Deployment/default/a", "DaemonSet/default/b"]);
  expect(packs.set(pack({}, [item("DaemonSet", "b")]))).toEqual(["DaemonSet/default/b"]);
  expect(packs.of("DaemonSet/default/b")).toEqual([]);
});

test("a Pack that goes leaves nothing", () => {
  const packs = new PackWorkloads();
  const one = pack(asking, [item("Deployment", "a")]);
  packs.set(one);
  expect(packs.delete(one)).toEqual(["Deployment/default/a"]);
  expect(packs.of("Deployment/default/a")).toEqual([]);
});
