import { FieldSet } from "@podwright/kube";
import { describe, expect, it } from "vitest";
import { capUpdaters } from "./cap-managers.ts";
import { decodeManagedFields, encodeManagedFields, managerId, onlyTimesDiffer } from "./managed-fields.ts";
import { managerName } from "./manager-name.ts";

const entry = (manager: string, rest: object = {}) => ({
  manager,
  operation: "Update",
  apiVersion: "v1",
  time: "2026-01-01T00:00:00Z",
  fieldsType: "FieldsV1",
  fieldsV1: { "f:data": { [`f:${manager}`]: {} } },
  ...rest,
});

describe("managedFields", () => {
  it("are written with appliers first, then by time, then by name", () => {
    const entries = [
      entry("late", { time: "2026-01-01T00:00:02Z" }),
      entry("b"),
      entry("a"),
      entry("z", { operation: "Apply", time: "2026-01-01T00:00:09Z" }),
      entry("a", { subresource: "status" }),
    ];
    const encoded = encodeManagedFields(decodeManagedFields(entries, true));
    expect(encoded?.map(({ manager, subresource }) => [manager, subresource])).toEqual([
      ["z", undefined],
      ["a", undefined],
      ["a", "status"],
      ["b", undefined],
      ["late", undefined],
    ]);
  });

  it.each([
    [{ operation: "Patch" }, "operation must be `Apply` or `Update`"],
    [{ apiVersion: "" }, "apiVersion must not be empty"],
    [{ fieldsType: "" }, "missing fieldsType in managed fields entry 0"],
    [{ fieldsType: "V2" }, 'invalid fieldsType "V2" in managed fields entry 0'],
  ])("with %j are refused", (rest, message) => {
    expect(() => decodeManagedFields([entry("a", rest)], false)).toThrow(message);
  });

  it("differ in times only", () => {
    const later = { time: "2026-01-02T00:00:00Z" };
    expect(onlyTimesDiffer([entry("a", later)], [entry("a")])).toBe(true);
    expect(onlyTimesDiffer([entry("a")], [entry("a")])).toBe(false);
    expect(onlyTimesDiffer([entry("b", later)], [entry("a")])).toBe(false);
  });
});

it("the oldest updaters of a version become one when there are more than ten", () => {
  const managers = new Map();
  const times = new Map<string, string>();
  for (let i = 0; i < 12; i++) {
    const id = managerId({ manager: `m${String(i).padStart(2, "0")}`, operation: "Update", apiVersion: "v1" });
    managers.set(id, { set: FieldSet.ofPaths(`data.${i}`), apiVersion: "v1", applied: false });
    times.set(id, `2026-01-01T00:00:${String(i).padStart(2, "0")}Z`);
  }
  capUpdaters(managers, times);
  expect(managers.size).toBe(10);
  const bucket = managerId({ manager: "ancient-changes", operation: "Update", apiVersion: "v1" });
  expect(managers.get(bucket).set.equals(FieldSet.ofPaths("data.0", "data.1", "data.2"))).toBe(true);
  expect(times.get(bucket)).toBe("2026-01-01T00:00:02Z");
});

it.each([
  ["given", "agent/1", "given"],
  ["", "kubectl/v1.35 (linux)", "kubectl"],
  ["", "a\u0007b/1", "ab"],
  ["", undefined, "unknown"],
])("the manager of a write with fieldManager %j by %j is %j", (fieldManager, userAgent, name) => {
  expect(managerName(fieldManager, userAgent)).toBe(name);
});
