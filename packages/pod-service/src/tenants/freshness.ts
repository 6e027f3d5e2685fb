type Headers = Readonly<Record<string, string | string[] | undefined>>;

/**
 * For how long an answer may be used again without asking, in ms, by its headers alone (RFC 9111, section 4.2): this
 * is a private cache, and nothing is guessed where the headers are silent.
 */
export function freshForMs(headers: Headers, nowMs: number): number {
  const directives = directivesOf(one(headers["cache-control"]));
  if (directives.has("no-store") || directives.has("no-cache") || one(headers["vary"]) === "*") return 0;
  const ageMs = seconds(one(headers["age"])) * 1000;
  const maxAge = directives.get("max-age");
  if (maxAge !== undefined) return Math.max(0, seconds(maxAge) * 1000 - ageMs);
  const expires = one(headers["expires"]);
  if (expires === undefined) return 0;
  const at = Date.parse(expires);
  // "0" and other texts that are no dates mean: expired already.
  if (Number.isNaN(at)) return 0;
  const date = Date.parse(one(headers["date"]) ?? "");
  return Math.max(0, at - (Number.isNaN(date) ? nowMs : date) - ageMs);
}

/** Whether an answer may be kept at all, to be asked for again by its ETag. */
export function mayKeep(headers: Headers): boolean {
  return !directivesOf(one(headers["cache-control"])).has("no-store");
}

function directivesOf(header: string | undefined): Map<string, string> {
  const directives = new Map<string, string>();
  for (const part of (header ?? "").split(",")) {
    const [name = "", value = ""] = part.trim().split("=", 2);
    if (name !== "") directives.set(name.toLowerCase(), value.replaceAll('"', ""));
  }
  return directives;
}

function seconds(text: string | undefined): number {
  return text !== undefined && /^\d+$/.test(text) ? Math.min(Number(text), 31_536_000) : 0;
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(", ") : value;
}
