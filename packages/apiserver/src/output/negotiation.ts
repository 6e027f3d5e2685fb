import { type StatusError, status } from "@podwright/kube";

/** How an answer is to look. */
export interface OutputFormat {
  mediaType: "application/json" | "application/yaml";
  pretty: boolean;
  /** The clause asked for a form other than the object's own: a Table, a PartialObjectMetadata, a discovery document. */
  as?: { kind: string; group: string; version: string };
}

interface Clause {
  type: string;
  q: number;
  parameters: ReadonlyMap<string, string>;
}

/**
 * Reads Accept headers (k8s.io/apiserver/pkg/endpoints/handlers/negotiation/negotiate.go). Clients send few
 * different ones, so what was parsed is kept.
 */
export class Negotiator {
  readonly #parsed = new Map<string, readonly Clause[]>();

  /**
   * The first clause that can be served. `allows` says which forms (`as=`) this endpoint has.
   * Throws 406 when there is none.
   */
  negotiate(
    headers: Record<string, string | undefined>,
    query: URLSearchParams,
    allows: (as: { kind: string; group: string; version: string }) => boolean,
  ): OutputFormat {
    const accept = headers["accept"];
    const pretty = isPretty(headers["user-agent"], query);
    if (accept === undefined || accept === "" || accept === "application/json") {
      return { mediaType: "application/json", pretty };
    }
    let anyServed = false;
    for (const clause of this.#parse(accept)) {
      const mediaType = servedMediaType(clause.type);
      if (mediaType === undefined) continue;
      anyServed = true;
      const kind = clause.parameters.get("as");
      const group = clause.parameters.get("g");
      const version = clause.parameters.get("v");
      const clausePretty = pretty || clause.parameters.get("pretty") === "1";
      if (kind === undefined && group === undefined && version === undefined) {
        return { mediaType, pretty: clausePretty };
      }
      const as = { kind: kind ?? "", group: group ?? "", version: version ?? "" };
      if (allows(as)) return { mediaType, pretty: clausePretty, as };
    }
    throw anyServed ? status.notAcceptable(servedMediaTypes) : noMediaType();
  }

  #parse(accept: string): readonly Clause[] {
    let clauses = this.#parsed.get(accept);
    if (clauses === undefined) {
      clauses = parseAccept(accept);
      if (this.#parsed.size < maxParsedHeaders) this.#parsed.set(accept, clauses);
    }
    return clauses;
  }
}

/** Upstream's router refuses media types that it does not know in words of its own. */
function noMediaType(): StatusError {
  const error = status.notAcceptable(servedMediaTypes);
  error.status.message = `406: Not Acceptable\n\nAvailable representations: ${servedMediaTypes.join(", ")}`;
  error.status.details = {};
  return error;
}

const maxParsedHeaders = 256;
const servedMediaTypes = ["application/json", "application/yaml"];

function servedMediaType(type: string): OutputFormat["mediaType"] | undefined {
  if (type === "application/json" || type === "*/*" || type === "application/*") return "application/json";
  return type === "application/yaml" ? "application/yaml" : undefined;
}

function parseAccept(accept: string): Clause[] {
  const clauses: Clause[] = [];
  for (const part of accept.split(",")) {
    const [type = "", ...rest] = part.split(";");
    const parameters = new Map<string, string>();
    for (const parameter of rest) {
      const equals = parameter.indexOf("=");
      if (equals > 0) parameters.set(parameter.slice(0, equals).trim(), parameter.slice(equals + 1).trim());
    }
    const q = Number(parameters.get("q") ?? "1");
    parameters.delete("q");
    if (type.trim() !== "") clauses.push({ type: type.trim(), q: Number.isFinite(q) ? q : 0, parameters });
  }
  return clauses.sort((a, b) => b.q - a.q || wildcards(a.type) - wildcards(b.type));
}

function wildcards(type: string): number {
  return type === "*/*" ? 2 : type.endsWith("/*") ? 1 : 0;
}

/** People with curl or a browser get line breaks. */
function isPretty(userAgent: string | undefined, query: URLSearchParams): boolean {
  if (query.size > 0) {
    const pretty = query.get("pretty");
    if (pretty !== null && pretty !== "")
      return pretty === "true" || pretty === "1" || pretty === "t" || pretty === "T";
  }
  if (userAgent === undefined) return false;
  return userAgent.startsWith("curl") || userAgent.startsWith("Wget") || userAgent.startsWith("Mozilla/5.0");
}
