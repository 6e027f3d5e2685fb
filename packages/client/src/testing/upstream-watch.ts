import type { WatchEvent } from "../transport.ts";

/** The answers of a kube-apiserver 1.35.4 to a watch of ConfigMaps, in protobuf, and in JSON. */
export const sentByUpstream: { bytes: Buffer; events: WatchEvent[] } = {
  bytes: Buffer.from(
    "AAAA+AoFQURERUQS7gEK6wFrOHMACg8KAnYxEglDb25maWdNYXASzwEKxAEKAWESABoHZGVmYXVsdCIAKiRjNWM4MmZhZS02ZTM0LTRlY2Qt" +
      "YmNjNy1hNGY5MDg1ODYyMWQyAzQ4MTgAQggItNqI2AYQAFoGCgF4EgF5igFyCgJtZRIGVXBkYXRlGgJ2MSIICLTaiNgGEAAyCEZpZWxkc1Yx" +
      "OkoKSHsiZjpkYXRhIjp7Ii4iOnt9LCJmOmsiOnt9fSwiZjptZXRhZGF0YSI6eyJmOmxhYmVscyI6eyIuIjp7fSwiZjp4Ijp7fX19fUIAEgYK" +
      "AWsSAXYaACIAAAAAYQoIQk9PS01BUksSVQpTazhzAAoPCgJ2MRIJQ29uZmlnTWFwEjgKNgoAEgAaACIAKgAyAzQ4MTgAQgBiIQoZazhzLmlv" +
      "L2luaXRpYWwtZXZlbnRzLWVuZBIEdHJ1ZRoAIgA=",
    "base64",
  ),
  events: [
    {
      type: "ADDED",
      object: {
        kind: "ConfigMap",
        apiVersion: "v1",
        metadata: {
          name: "a",
          namespace: "default",
          uid: "c5c82fae-6e34-4ecd-bcc7-a4f90858621d",
          resourceVersion: "481",
          creationTimestamp: "2026-11-21T23:45:56Z",
          labels: { x: "y" },
          managedFields: [
            {
              manager: "me",
              operation: "Update",
              apiVersion: "v1",
              time: "2026-11-21T23:45:56Z",
              fieldsType: "FieldsV1",
              fieldsV1: { "f:data": { ".": {}, "f:k": {} }, "f:metadata": { "f:labels": { ".": {}, "f:x": {} } } },
            },
          ],
        },
        data: { k: "v" },
      },
    },
    {
      type: "BOOKMARK",
      object: {
        kind: "ConfigMap",
        apiVersion: "v1",
        metadata: { resourceVersion: "481", annotations: { "k8s.io/initial-events-end": "true" } },
      },
    },
  ],
};
