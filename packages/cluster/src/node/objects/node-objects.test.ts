import { Client, configMaps, ManualClock, type Transport, TransportError } from "@podwright/client";
import { expect, test, vi } from "vitest";
import { podOf } from "../../testing/objects.ts";
import { NodeObjects } from "./node-objects.ts";
import { podReferences } from "./pod-references.ts";

test("a pod's references are found wherever they are, each once", () => {
  const pod = podOf(
    "p",
    [
      {
        envFrom: [{ configMapRef: { name: "from" } }, { secretRef: { name: "from" } }],
        env: [
          { name: "A", valueFrom: { configMapKeyRef: { name: "key", key: "k" } } },
          { name: "B", valueFrom: { secretKeyRef: { name: "key", key: "k" } } },
          { name: "C", value: "literal" },
        ],
      },
    ],
    {
      initContainers: [{ name: "i", envFrom: [{ configMapRef: { name: "init" } }] }],
      imagePullSecrets: [{ name: "pull" }, {}],
      volumes: [
        { name: "a", configMap: { name: "volume" } },
        { name: "b", secret: { secretName: "volume" } },
        { name: "c", projected: { sources: [{ configMap: { name: "part" } }, { secret: { name: "volume" } }] } },
        { name: "d", emptyDir: {} },
      ],
    },
  );
  const found = podReferences(pod).map(({ resource, name }) => `${resource.resource}/${name}`);
  expect(found.sort()).toEqual([
    "configmaps/from",
    "configmaps/init",
    "configmaps/key",
    "configmaps/part",
    "configmaps/volume",
    "secrets/from",
    "secrets/key",
    "secrets/pull",
    "secrets/volume",
  ]);
});

test("a server that does not answer is not waited for without end", async () => {
  const clock = new ManualClock();
  const silent: Transport = {
    request: ({ method, path }) => Promise.reject(new TransportError(method, path, "refused", "ECONNREFUSED")),
    close: async () => {},
  };
  const objects = new NodeObjects({ client: new Client(silent), clock, timeoutMs: 5000 });
  const pod = podOf("p", [{ envFrom: [{ configMapRef: { name: "cfg" } }] }]);
  pod.metadata.uid = "u";
  objects.hold(pod, () => {});
  const read = objects.get(configMaps, "default", "cfg").catch((error: Error) => error.message);
  await vi.waitFor(() => expect(clock.pending).toBeGreaterThan(1));
  clock.advance(6000);
  expect(await read).toBe("failed to sync configmap cache: timed out waiting for the condition");
  await objects.stop();
  expect(objects.size).toBe(0);
});
