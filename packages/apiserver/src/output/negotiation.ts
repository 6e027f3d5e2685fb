import { nativeTypes, type StatusError, status } from "@podwright/kube";
import type { ProtobufEncoder } from "@podwright/kube/encode";

/** How an answer is to look. */
export interface OutputFormat {
  mediaType: MediaType;
  pretty: boolean;
  /** The clause asked for a form other than the object's own: a Table, a PartialObjectMetadata, a discovery document. */
  as?: Form;
  /** Writes the answer, where it is to be protobuf. */
  protobuf?: ProtobufEncoder;
}

export type MediaType = "application/json" | "application/yaml" | "application/vnd.kubernetes.protobuf";

/** A kind that objects are converted to for the answer. */
export interface Form {
  kind: string;
  group: string;
  version: string;
}

/** What an endpoint can answer with. */
export interface Endpoint {
  /** Whether it has the form, in the media type. Default: it has none. */
  allows?(as: Form, mediaType: MediaType): boolean;
  /** Of custom resources, whose objects have no protobuf. */
  isCustom?: boolean;
  /** Lists, which may also be watches. */
  isList?: boolean;
  /** Upstream has no router before it, which knows media types; as is so for custom resources. */
  isUnrouted?: boolean;
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
  #encoder: Promise<ProtobufEncoder> | undefined;

  /** The first clause that can be served. Throws 406 when there is none. */
  negotiate(headers: Record<string, string | undefined>, query: URLSearchParams, endpoint: Endpoint): OutputFormat {
    const accept = headers["accept"];
    const pretty = isPretty(headers["user-agent"], query);
    if (accept === undefined || accept === "" || accept === "application/json") {
      return { mediaType: "application/json", pretty };
    }
    const { allows, isCustom = false } = endpoint;
    let isKnown = false;
    for (const { type, parameters } of this.#parse(accept)) {
      const kind = parameters.get("as");
      const group = parameters.get("g");
      const version = parameters.get("v");
      const isOwnForm = kind === undefined && group === undefined && version === undefined;
      const as = { kind: kind ?? "", group: group ?? "", version: version ?? "" };
      for (const mediaType of mediaTypes) {
        if (!matches(type, mediaType)) continue;
        isKnown = true;
        if (!allowsStream(parameters.get("stream"), mediaType)) continue;
        if (!(isOwnForm ? mediaType !== protobufMediaType || !isCustom : allows?.(as, mediaType))) continue;
        const clausePretty = pretty || parameters.get("pretty") === "1";
        return { mediaType, pretty: clausePretty, ...(!isOwnForm && { as }) };
      }
    }
    throw isKnown || isCustom || endpoint.isUnrouted ? status.notAcceptable(mediaTypes) : noMediaType(endpoint);
  }

  /** How an error is told: in the form of its own only, and as JSON when nothing else will do. */
  negotiateError(headers: Record<string, string | undefined>, query: URLSearchParams): OutputFormat {
    try {
      return this.negotiate(headers, query, {});
    } catch {
      return { mediaType: "application/json", pretty: isPretty(headers["user-agent"], query) };
    }
  }

  /** The format with what writes it, whose code is loaded for the first answer in protobuf. */
  async withEncoder(output: OutputFormat): Promise<OutputFormat> {
    if (output.mediaType !== protobufMediaType) return output;
    this.#encoder ??= import("@podwright/kube/encode").then(
      ({ ProtobufEncoder }) => new ProtobufEncoder(nativeTypes()),
    );
    return { ...output, protobuf: await this.#encoder };
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

/**
 * The router before most endpoints refuses media types that it does not know in words of its own
 * (k8s.io/apiserver/pkg/endpoints/installer.go says what it offers).
 */
function noMediaType({ isList }: Endpoint): StatusError {
  const offered = isList ? [...mediaTypes, ...streamMediaTypes] : mediaTypes;
  const error = status.notAcceptable(mediaTypes);
  error.status.message = `406: Not Acceptable\n\nAvailable representations: ${offered.join(", ")}`;
  error.status.details = {};
  return error;
}

const maxParsedHeaders = 256;
export const protobufMediaType = "application/vnd.kubernetes.protobuf";
const mediaTypes: readonly MediaType[] = ["application/json", "application/yaml", protobufMediaType];
/** Media types that watches are served in. */
export const streamMediaTypes: readonly string[] = [
  "application/json;stream=watch",
  `${protobufMediaType};stream=watch`,
];

function matches(type: string, mediaType: MediaType): boolean {
  return type === mediaType || type === "*/*" || type === "application/*";
}

function allowsStream(stream: string | undefined, mediaType: MediaType): boolean {
  return stream === undefined || stream === "" || (stream === "watch" && mediaType !== "application/yaml");
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
