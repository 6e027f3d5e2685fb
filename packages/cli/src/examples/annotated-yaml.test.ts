import { expect, test } from "vitest";
import { annotatedYaml, project } from "./annotated-yaml.ts";

const marks = { added: " # added", changed: (was: string) => ` # was ${was}` };

test("marks what was added and what was overwritten, list items by name", () => {
  const before = { containers: [{ name: "mysql", env: [{ name: "DB", value: "mydb01" }] }] };
  const after = {
    containers: [
      {
        name: "mysql",
        env: [
          { name: "EMPTY", value: "true" },
          { name: "DB", value: "mydb02" },
        ],
        resources: { limits: { cpu: "500m" } },
      },
    ],
  };
  expect(annotatedYaml(after, before, marks).join("\n")).toBe(`containers:
  - name: mysql
    env:
      - name: EMPTY # added
        value: "true"
      - name: DB
        value: mydb02 # was mydb01
    resources: # added
      limits:
        cpu: 500m`);
});

test("projects a value on what the shape speaks of", () => {
  const pod = {
    spec: { dnsPolicy: "ClusterFirst", containers: [{ name: "a", image: "i", tty: false }, { name: "b" }] },
  };
  expect(project(pod, { spec: { containers: [{ name: "a", image: "x" }] } })).toEqual({
    spec: { containers: [{ name: "a", image: "i" }] },
  });
});
