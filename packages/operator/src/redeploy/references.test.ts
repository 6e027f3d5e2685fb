import { expect, test } from "vitest";
import { formatReference } from "./annotation.ts";
import { type ReferringPodSpec, referencesOf } from "./references.ts";

const found = (spec: ReferringPodSpec & { imagePullSecrets?: object[] }) => referencesOf(spec).map(formatReference);

test("env names a key, envFrom the whole object, in init containers as well", () => {
  expect(
    found({
      initContainers: [{ envFrom: [{ secretRef: { name: "init" } }] }],
      containers: [
        {
          env: [
            { valueFrom: { configMapKeyRef: { name: "cm", key: "level" } } },
            { valueFrom: { secretKeyRef: { name: "db", key: "password" } } },
            {},
          ],
          envFrom: [{ configMapRef: { name: "all" } }, { configMapRef: { name: "all" } }],
        },
      ],
    }),
  ).toEqual(["secret/init", "configmap/cm#level", "secret/db#password", "configmap/all"]);
});

test("volumes count, projected ones too, and items are keys", () => {
  expect(
    found({
      volumes: [
        { configMap: { name: "files" } },
        { secret: { secretName: "tls", items: [{ key: "tls.crt" }, { key: "tls.key" }] } },
        { projected: { sources: [{ configMap: { name: "p" } }, { secret: { name: "q" } }, {}] } },
        {},
      ],
    }),
  ).toEqual(["configmap/files", "secret/tls#tls.crt", "secret/tls#tls.key", "configmap/p", "secret/q"]);
});

test("pull secrets do not count", () => {
  expect(found({ imagePullSecrets: [{ name: "registry" }], containers: [{}] })).toEqual([]);
});
