import { isJsonObject, type JsonValue, stringifyJson } from "@podwright/kube";
import { nameColumn } from "../resources/columns.ts";
import { ageOf } from "../resources/human-duration.ts";
import type { Cell, ColumnDefinition, TableConvertor } from "../resources/resource.ts";
import type { PrinterColumn } from "./definition.ts";
import { compileJsonPath, type JsonPath } from "./json-path.ts";

const age: PrinterColumn = {
  name: "Age",
  type: "date",
  description: "The time since the object was created.",
  jsonPath: ".metadata.creationTimestamp",
};

/**
 * Name and the version's additionalPrinterColumns; Name and Age when it has none
 * (k8s.io/apiextensions-apiserver/pkg/registry/customresource/tableconvertor/tableconvertor.go).
 */
export function printerColumns(columns: readonly PrinterColumn[] | undefined): TableConvertor {
  const custom = columns === undefined || columns.length === 0 ? [age] : columns;
  let paths: (JsonPath | undefined)[] | undefined;
  return {
    columns: [nameColumn, ...custom.map(definitionOf)],
    cells(object, nowMs) {
      paths ??= custom.map((column) => tryCompile(column.jsonPath));
      const cells = custom.map((column, index) => {
        const value = paths?.[index]?.(object as JsonValue)[0];
        return value === undefined ? null : cellOf(column.type, value, nowMs);
      });
      return [object.metadata.name ?? "", ...cells];
    },
  };
}

function definitionOf(column: PrinterColumn): ColumnDefinition {
  return {
    name: column.name,
    type: column.type as ColumnDefinition["type"],
    format: column.format ?? "",
    description: column.description || `Custom resource definition column (in JSONPath format): ${column.jsonPath}`,
    priority: column.priority ?? 0,
  };
}

/** A path that cannot be read gives empty cells. */
function tryCompile(path: string): JsonPath | undefined {
  try {
    return compileJsonPath(path);
  } catch {
    return undefined;
  }
}

function cellOf(type: string, value: JsonValue, nowMs: number): Cell {
  switch (type) {
    case "string":
      return value === null ? null : textOf(value);
    case "integer":
      return typeof value === "number" ? Math.trunc(value) : typeof value === "bigint" ? Number(value) : null;
    case "number":
      return typeof value === "number" ? value : typeof value === "bigint" ? Number(value) : null;
    case "boolean":
      return typeof value === "boolean" ? value : null;
    case "date":
      return typeof value === "string" ? dateOf(value, nowMs) : null;
    default:
      return null;
  }
}

function textOf(value: JsonValue): string {
  return isJsonObject(value) || Array.isArray(value) ? stringifyJson(value) : String(value);
}

function dateOf(text: string, nowMs: number): string {
  if (text === "" || text === "null") return "<unknown>";
  return Number.isNaN(Date.parse(text)) || !text.includes("T") ? "<invalid>" : ageOf(text, nowMs);
}
