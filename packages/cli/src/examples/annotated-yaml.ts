import type { JsonObject, JsonValue } from "@podwright/kube";
import { stringify } from "yaml";

/**
 * The value as YAML, each part that `before` lacks or has otherwise marked by a comment. Items of lists are compared
 * with those of the same name.
 */
export function annotatedYaml(
  value: JsonObject,
  before: JsonObject,
  comment: { added: string; changed: (was: string) => string },
): string[] {
  return mapLines(value, before, "");

  function mapLines(map: JsonObject, old: JsonValue | undefined, indent: string): string[] {
    return Object.entries(map).flatMap(([key, entry]) =>
      entry === undefined ? [] : entryLines(key, entry, isMap(old) ? old[key] : undefined, indent, isMap(old)),
    );
  }

  /** @param compare false inside a part that is marked as a whole */
  function entryLines(key: string, entry: JsonValue, old: JsonValue | undefined, indent: string, compare: boolean) {
    const mark = compare ? markOf(entry, old) : "";
    if (!isMap(entry) && !Array.isArray(entry)) return [`${indent}${key}: ${scalar(entry)}${mark}`];
    const head = `${indent}${key}:${mark}`;
    if (isMap(entry)) return [head, ...mapLines(entry, old, `${indent}  `)];
    return [head, ...entry.flatMap((item) => itemLines(item, old, `${indent}  `))];
  }

  function itemLines(item: JsonValue, list: JsonValue | undefined, indent: string): string[] {
    if (!isMap(item)) return [`${indent}- ${scalar(item)}`];
    const old = Array.isArray(list)
      ? list.find((candidate) => isMap(candidate) && candidate["name"] === item["name"])
      : undefined;
    const lines = mapLines(item, old, `${indent}  `);
    const mark = Array.isArray(list) && old === undefined ? comment.added : "";
    return lines.map((line, index) => (index === 0 ? `${indent}- ${line.trimStart()}${mark}` : line));
  }

  function markOf(entry: JsonValue, old: JsonValue | undefined): string {
    if (old === undefined) return comment.added;
    if (isMap(entry) || Array.isArray(entry) || entry === old) return "";
    return comment.changed(scalar(old));
  }
}

/** What `shape` has of `value`: the same maps and, by name, list items. */
export function project(value: JsonValue, shape: JsonValue | undefined): JsonValue {
  if (isMap(value) && isMap(shape)) {
    const kept = Object.keys(shape).filter((key) => value[key] !== undefined);
    return Object.fromEntries(kept.map((key) => [key, project(value[key] as JsonValue, shape[key])]));
  }
  if (!Array.isArray(value) || !Array.isArray(shape)) return value;
  return value.flatMap((item) => {
    if (!isMap(item)) return [item];
    const match = shape.find((candidate) => isMap(candidate) && candidate["name"] === item["name"]);
    return match === undefined ? [] : [project(item, match)];
  });
}

function isMap(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function scalar(value: JsonValue): string {
  return stringify(value).trimEnd();
}
