import { expect, test } from "vitest";
import { compareState, formatState, parseState } from "./state.ts";

const keyId = "k1";
const compare = (seen: Record<string, string>, current: Record<string, string | undefined>) =>
  compareState({ keyId, seen }, new Map(Object.entries(current)), keyId);

test("what was never seen is taken down without being a change", () => {
  expect(compareState(undefined, new Map([["configmap/a", "1"]]), keyId)).toEqual({
    next: { keyId, seen: { "configmap/a": "1" } },
    changed: [],
  });
});

test("another content is a change", () => {
  expect(compare({ "configmap/a": "1", "secret/b": "2" }, { "configmap/a": "1", "secret/b": "3" })).toEqual({
    next: { keyId, seen: { "configmap/a": "1", "secret/b": "3" } },
    changed: ["secret/b"],
  });
});

test("what is gone is remembered, and no change", () => {
  expect(compare({ "configmap/a": "1" }, { "configmap/a": undefined })).toEqual({
    next: { keyId, seen: { "configmap/a": "1" } },
    changed: [],
  });
});

test("what is watched no more is forgotten", () => {
  expect(compare({ "configmap/a": "1" }, {}).next.seen).toEqual({});
});

test("a state is read back, but not with another key, nor when it is none", () => {
  const state = { keyId, seen: { "secret/b": "2", "configmap/a": "1" } };
  expect(parseState(formatState(state), keyId)).toEqual(state);
  expect(parseState(formatState(state), "k2")).toBeUndefined();
  for (const text of [undefined, "", "{", "null", '{"keyId":"k1"}']) expect(parseState(text, keyId)).toBeUndefined();
  expect(formatState(state)).toBe('{"keyId":"k1","seen":{"configmap/a":"1","secret/b":"2"}}');
});
