import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../kubectl.ts";
import { type Lane, openLane } from "../lane.ts";
import {
  key,
  shellPod,
  startService,
  startTenantService,
  type TenantService,
  type TestService,
} from "./service-lane.ts";

const client = fileURLToPath(new URL("../../examples/pod-service/upstream_client.py", import.meta.url));

function hasPython(): boolean {
  try {
    execFileSync("python3", ["--version"]);
    return true;
  } catch {
    return false;
  }
}

// The client is a Python program, as upstream's are.
describe.skipIf(!hasPython())("a client written for upstream", () => {
  let lane: Lane;
  let at: TestService;
  let service: TenantService;
  let namespace: string;
  beforeAll(async () => {
    lane = await openLane({ operator: false });
    service = await startTenantService();
    namespace = await lane.namespace("upstream");
    at = await startService(lane, { instance: `upstream-${Date.now()}`, tenantServiceUrl: service.url });
    const tenant = { id: namespace, namespace, resources: { templates: { pod: { ...shellPod(), kind: "Pod" } } } };
    await service.behave({ tenants: { [namespace]: tenant } });
  });
  afterAll(async () => {
    await at?.service.stop();
    await service?.stop();
    await lane?.close();
  });

  test("makes a pod, reads it to its end, and deletes it", async () => {
    const ran = await run("python3", [client, `${at.service.url}/service/v1`, namespace, "echo hi"], "", {
      MOOPKEY: key,
    });
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    expect(ran.stdout).toMatch(
      new RegExp(`^made (pod-${namespace}-[0-9a-f]+)\nended Succeeded\nmain exit code 0\ndeleted \\1\n$`),
    );
  });

  test("reads the error, which comes with a failing status", async () => {
    const ran = await run("python3", [client, at.service.url, "nobody", "echo hi"], "", { MOOPKEY: key });
    expect(ran).toMatchObject({ code: 1, stderr: "error: there is no such tenant\n" });
  });
});
