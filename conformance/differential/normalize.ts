import type { Answer } from "./exchange.ts";

/**
 * Takes out of an answer what differs from one run to the next: uids, versions, times, and who manages fields. What is
 * left must be the same on both API servers.
 *
 * @param replacements texts that differ by run (a port, a certificate), with what to write instead
 * @param managedFields who manages fields is compared too, in any order: it follows the times
 */
export function normalize(
  answer: Answer,
  replacements: readonly [string, string][] = [],
  managedFields = false,
): Answer {
  let text = JSON.stringify(answer);
  for (const [from, to] of replacements) text = text.replaceAll(from, to);
  text = text.replace(/\b[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}\b/g, "UID");
  text = text.replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "TIME");
  text = text.replace(/kube-api-access-[a-z\d]{5}\b/g, "kube-api-access-RANDOM");
  const normalized = sorted(clean(JSON.parse(text), managedFields)) as Answer;
  normalizeCauses(normalized.body as StatusBody | undefined);
  normalizeTable(normalized.body as TableBody | undefined);
  return normalized;
}

interface StatusBody {
  kind?: string;
  message?: string;
  details?: { causes?: { field?: string; message?: string }[] };
}

/** Upstream goes through maps in any order: so do the causes of an Invalid, and its message. */
function normalizeCauses(body: StatusBody | undefined): void {
  const causes = body?.details?.causes;
  if (body?.kind !== "Status" || causes === undefined || causes.length < 2) return;
  causes.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  const texts = causes.map(({ field, message }) => `${field}: ${message}`);
  body.message = body.message?.replace(/ is invalid: .*/s, ` is invalid: [${texts.join(", ")}]`) ?? "";
}

interface TableBody {
  kind?: string;
  rows?: { cells: unknown[] }[];
}

/** Ages go by the moment. */
function normalizeTable(body: TableBody | undefined): void {
  if (body?.kind !== "Table") return;
  for (const row of body.rows ?? []) {
    row.cells = row.cells.map((cell) => (/^\d+s$/.test(String(cell)) ? "AGE" : cell));
  }
}

const dropped: ReadonlySet<string> = new Set(["managedFields"]);
const masked: ReadonlySet<string> = new Set(["resourceVersion", "storageVersionHash"]);

function identityOf(entry: unknown): string {
  const { manager, operation, apiVersion, subresource } = entry as Record<string, string>;
  return JSON.stringify([manager, operation, apiVersion, subresource]);
}

function clean(value: unknown, managedFields: boolean, parent = ""): unknown {
  if (Array.isArray(value)) {
    const items = value.map((each) => clean(each, managedFields));
    return parent === "managedFields" ? items.sort((a, b) => (identityOf(a) < identityOf(b) ? -1 : 1)) : items;
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value)
    .filter(([key]) => managedFields || !(dropped.has(key) && parent === "metadata"))
    .map(([key, field]) => {
      if (masked.has(key) && typeof field === "string") return [key, "VERSION"];
      // Of a Table's column: everybody has words of their own.
      if (key === "description" && "priority" in value) return [key, "TEXT"];
      return [key, clean(field, managedFields, key)];
    });
  return Object.fromEntries(entries);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, field]) => [key, sorted(field)]),
  );
}
