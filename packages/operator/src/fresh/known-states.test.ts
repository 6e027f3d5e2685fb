import { expect, test } from "vitest";
import { stateKey } from "./keys.ts";
import { KnownStates } from "./known-states.ts";
import { emptyState, formatState } from "./state.ts";
import { toWorkload, type Workload } from "./workload.ts";

const state = (serial: number) => ({ ...emptyState("u"), serial });

function workload(serial: number | undefined, generation = 1, uid = "u"): Workload {
  const annotations = serial === undefined ? {} : { [stateKey]: formatState(state(serial)) };
  return toWorkload({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default", uid, resourceVersion: "1", generation, annotations },
    spec: { template: { spec: { containers: [] } } },
  });
}

test("the newest state counts, whoever wrote it", () => {
  const states = new KnownStates();
  expect(states.of("web", workload(3)).serial).toBe(3);
  states.wrote("web", "u", 2, state(4));
  expect(states.isBehind("web", workload(3, 1))).toBe(true);
  expect(states.isBehind("web", workload(4, 2))).toBe(false);
  expect(states.of("web", workload(3)).serial).toBe(4);
  expect(states.of("web", workload(5)).serial).toBe(5);
});

test("a state that was there and is gone is lost, one that is yet to come is not", () => {
  const states = new KnownStates();
  const written = state(4);
  states.wrote("web", "u", 2, written);
  expect(states.isLost("web", workload(3), written)).toBe(false);
  states.of("web", workload(4, 2));
  expect(states.isLost("web", workload(4, 2), written)).toBe(false);
  expect(states.isLost("web", workload(2, 3), written)).toBe(true);
});

test("an earlier operator's state counts where it is newer, of the same object alone", () => {
  const states = new KnownStates();
  const earlier = state(7);
  states.recover("web", workload(2), earlier);
  expect(states.of("web", workload(2))).toBe(earlier);
  expect(states.isLost("web", workload(2), earlier)).toBe(true);
  expect(states.of("web", workload(undefined, 1, "other")).serial).toBe(0);
  states.forget("web");
  states.recover("web", workload(8), earlier);
  expect(states.of("web", workload(8)).serial).toBe(8);
  states.recover("web", workload(undefined, 1, "other"), earlier);
  expect(states.of("web", workload(undefined, 1, "other")).serial).toBe(0);
});
