import { expect, test } from "vitest";
import type { Deployment } from "../../kinds.ts";
import { deploymentOf } from "../../testing/objects.ts";
import { newReplicaSetAnnotations } from "./annotations.ts";
import { sameTemplate, templateHash } from "./hash.ts";

function annotated(annotations: Record<string, string>): Deployment {
  const deployment = deploymentOf("d");
  deployment.metadata.annotations = annotations;
  return deployment;
}

test("the Deployment's annotations go along, those of its own housekeeping do not", () => {
  const deployment = annotated({
    "kubernetes.io/change-cause": "a new image",
    "kubectl.kubernetes.io/last-applied-configuration": "{}",
    "deployment.kubernetes.io/revision": "7",
  });
  expect(newReplicaSetAnnotations(deployment, undefined, 8)).toEqual({
    "kubernetes.io/change-cause": "a new image",
    "deployment.kubernetes.io/revision": "8",
  });
});

test("a ReplicaSet that comes up again remembers the revisions it was", () => {
  const once = newReplicaSetAnnotations(annotated({}), { "deployment.kubernetes.io/revision": "1" }, 3);
  expect(once).toEqual({
    "deployment.kubernetes.io/revision": "3",
    "deployment.kubernetes.io/revision-history": "1",
  });
  expect(newReplicaSetAnnotations(annotated({}), once, 5)["deployment.kubernetes.io/revision-history"]).toBe("1,3");
});

test("a higher revision than the next one stays", () => {
  const current = { "deployment.kubernetes.io/revision": "9" };
  expect(newReplicaSetAnnotations(annotated({}), current, 4)).toEqual(current);
});

test("the history keeps to 2,000 characters, the oldest go", () => {
  const history = Array.from({ length: 500 }, (_unused, index) => 1000 + index).join(",");
  const current = {
    "deployment.kubernetes.io/revision": "1500",
    "deployment.kubernetes.io/revision-history": history,
  };
  const next = newReplicaSetAnnotations(annotated({}), current, 1501)["deployment.kubernetes.io/revision-history"];
  expect(next).toHaveLength(1999);
  expect(next).toMatch(/^1101,.*,1500$/);
});

test("the hash depends on the template's content and on collisions, not on the order of fields", () => {
  const { template } = deploymentOf("d").spec;
  const reordered = { spec: template.spec, metadata: { ...template.metadata } };
  expect(templateHash(reordered, undefined)).toBe(templateHash(template, undefined));
  expect(templateHash(template, undefined)).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/);
  expect(templateHash(template, 1)).not.toBe(templateHash(template, undefined));
});

test("templates are the same whatever their hash label, but not with another selector in them", () => {
  const { template } = deploymentOf("d").spec;
  const labels = { ...template.metadata?.labels, "pod-template-hash": "abc" };
  expect(sameTemplate({ ...template, metadata: { labels } }, template)).toBe(true);
  const affinity = (labelSelector?: object) => ({
    ...template,
    spec: { ...template.spec, affinity: { podAffinity: { labelSelector } } } as typeof template.spec,
  });
  expect(sameTemplate(affinity({}), affinity())).toBe(false);
});
