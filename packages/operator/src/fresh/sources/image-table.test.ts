import { expect, test } from "vitest";
import type { NamedImage } from "../image.ts";
import { ImageTable } from "./image-table.ts";
import { withNamingTimes } from "./naming-times.ts";

const image = (name: string, more: Partial<NamedImage> = {}): NamedImage => ({ name, ids: [`id-${name}`], ...more });
const appeared = (table: ImageTable) => Object.fromEntries(table.images().map((each) => [each.name, each.appearedAt]));

test("what one look finds has appeared when the engine named it", () => {
  const table = new ImageTable();
  table.begin([image("a", { namedAt: 5 })], [], 100);
  table.take([image("b", { namedAt: 120 }), image("c", { namedAt: 110 }), image("d")], [], 100, 200);
  expect(appeared(table)).toEqual({ a: 5, b: 120, c: 110, d: 200 });
});

test("a time that is not between the two looks is no answer", () => {
  const table = new ImageTable();
  table.begin([], [], 100);
  table.take([image("reproducible", { namedAt: 0 }), image("ahead", { namedAt: 900 })], [], 100, 200);
  expect(appeared(table)).toEqual({ reproducible: 200, ahead: 200 });
});

test("at a start, what was known before keeps its time, and the rest came in the meantime in its order", () => {
  const known = [
    { ...image("a"), appearedAt: 40 },
    { ...image("moved"), appearedAt: 50 },
  ];
  const table = new ImageTable();
  const moved = image("moved", { ids: ["other"], namedAt: 70 });
  table.begin([image("a", { namedAt: 90 }), moved, image("b", { namedAt: 60 }), image("c")], known, 100);
  expect(appeared(table)).toEqual({ a: 40, moved: 70, b: 60, c: 100 });
  expect(table.images().find(({ name }) => name === "moved")?.replacedIds).toEqual(["id-moved"]);
});

test("where the list does not tell times, the engine is asked for those of the news alone, and not for very many", async () => {
  const asked: string[] = [];
  const engine = {
    find: async (name: string) => {
      asked.push(name);
      return [image("another"), image(name, { namedAt: 7, ...(name === "replaced" ? { ids: ["later"] } : {}) })];
    },
  };
  const ask = (found: NamedImage[]) =>
    withNamingTimes(engine, found, ({ name }) => name !== "old", new AbortController().signal);
  const told = image("told", { namedAt: 3 });
  const times = (await ask([image("old"), image("new"), told, image("replaced")])).map(({ namedAt }) => namedAt);
  expect(times).toEqual([undefined, 7, 3, undefined]);
  expect(asked).toEqual(["new", "replaced"]);
  const many = Array.from({ length: 1_000 }, (_, i) => image(`many${i}`));
  expect(await ask(many)).toBe(many);
  expect(asked).toHaveLength(2);
});
