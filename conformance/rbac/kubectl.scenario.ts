import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clusterRoles } from "@podwright/client";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Lane, openLane } from "../lane.ts";

let lane: Lane;
let namespace: string;
let folder: string;
beforeAll(async () => {
  lane = await openLane({ nodes: 0, operator: false });
  namespace = await lane.namespace("rbac");
  folder = await mkdtemp(join(tmpdir(), "podwright-rbac-"));
});
afterAll(async () => {
  await lane.client
    .resource(clusterRoles)
    .delete("h5-monitoring")
    .catch(() => {});
  await rm(folder, { recursive: true });
  await lane.close();
});

const account = () => `--as=system:serviceaccount:${namespace}:default`;
const canI = (...args: string[]) => lane.kubectl(["auth", "can-i", "-n", namespace, account(), ...args]);

test("kubectl auth can-i follows a role as it is granted and taken away", async () => {
  expect((await canI("list", "pods")).stdout.trim()).toBe("no");
  await lane.kubectl(["create", "role", "pod-reader", "-n", namespace, "--verb=get,list", "--resource=pods,pods/log"]);
  const subject = `--serviceaccount=${namespace}:default`;
  await lane.kubectl(["create", "rolebinding", "pod-reader", "-n", namespace, "--role=pod-reader", subject]);
  await vi.waitFor(async () => expect((await canI("list", "pods")).stdout.trim()).toBe("yes"), 20_000);
  expect((await canI("get", "pods", "--subresource=log")).stdout.trim()).toBe("yes");
  expect((await canI("delete", "pods")).stdout.trim()).toBe("no");
  const refused = await lane.kubectl(["get", "secrets", "-n", namespace, account()]);
  expect(refused.stderr.trim()).toBe(
    `Error from server (Forbidden): secrets is forbidden: User "system:serviceaccount:${namespace}:default" cannot list resource "secrets" in API group "" in the namespace "${namespace}"`,
  );
  const list = (await canI("--list")).stdout;
  expect(list).toMatch(/^pods\/log +\[\] +\[\] +\[get list\]$/m);
  expect(list).toMatch(/^selfsubjectreviews\.authentication\.k8s\.io +\[\] +\[\] +\[create\]$/m);
  await lane.kubectl(["delete", "rolebinding", "pod-reader", "-n", namespace]);
  await vi.waitFor(async () => expect((await canI("list", "pods")).stdout.trim()).toBe("no"), 20_000);
});

test("kubectl auth whoami tells whom one acts as", async () => {
  const { stdout } = await lane.kubectl(["auth", "whoami", account(), "-o", "json"]);
  expect(JSON.parse(stdout).status.userInfo).toMatchObject({
    username: `system:serviceaccount:${namespace}:default`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
  });
});

test("kubectl auth reconcile adds what is missing, and admin takes up what is labelled for it", async () => {
  const file = join(folder, "roles.yaml");
  await writeFile(
    file,
    `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: h5-monitoring
  labels: {rbac.authorization.k8s.io/aggregate-to-admin: "true"}
rules:
- {apiGroups: [h5.example], resources: [monitors], verbs: [get]}
`,
  );
  const made = await lane.kubectl(["auth", "reconcile", "-f", file]);
  expect(made.stdout).toContain("clusterrole.rbac.authorization.k8s.io/h5-monitoring reconciled");
  const rule = { apiGroups: ["h5.example"], resources: ["monitors"], verbs: ["get"] };
  await vi.waitFor(async () => {
    const admin = await lane.client.resource(clusterRoles).get("admin");
    expect(admin["rules"]).toContainEqual(rule);
  }, 20_000);
  await lane.client.resource(clusterRoles).delete("h5-monitoring");
  await vi.waitFor(async () => {
    const admin = await lane.client.resource(clusterRoles).get("admin");
    expect(admin["rules"]).not.toContainEqual(rule);
  }, 20_000);
});
