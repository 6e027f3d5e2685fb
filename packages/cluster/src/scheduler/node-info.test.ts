import { expect, test } from "vitest";
import { podOf } from "../testing/objects.ts";
import { hostPorts } from "./node-info.ts";

test("host ports are those of containers that stay: init containers give theirs back", () => {
  const ports = (hostPort: number) => [{ containerPort: 80, hostPort }];
  const pod = podOf("p", [{ ports: ports(1) }], {
    initContainers: [
      { name: "init", image: "app:1", ports: ports(2) },
      { name: "sidecar", image: "app:1", ports: ports(3), restartPolicy: "Always" },
    ],
  });
  expect(hostPorts(pod).map(({ hostPort }) => hostPort)).toEqual([1, 3]);
});
