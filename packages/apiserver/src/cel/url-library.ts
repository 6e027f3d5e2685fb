import type { Environment } from "./environment.ts";
import { succeeds } from "./quantity-library.ts";

/** A URL or an absolute path as an expression holds it. */
class UrlValue {
  readonly url: URL;
  readonly isPath: boolean;
  /** Without a path of its own, where URL has "/". */
  readonly path: string;
  /** With the port, even where it is the scheme's own, which URL drops. */
  readonly host: string;
  constructor(text: string) {
    this.isPath = text.startsWith("/");
    this.url = new URL(this.isPath ? `http://path${text}` : text);
    this.host = /^[^:/?#]+:\/\/(?:[^@/?#]*@)?([^/?#]*)/.exec(text)?.[1] ?? "";
    const [withoutQuery = ""] = text.split(/[?#]/, 1);
    this.path = /^[^/]*:\/\/[^/]*$/.test(withoutQuery) ? "" : this.url.pathname;
  }
}

const type = "net.URL";

/** url(), isURL() and the parts of URLs (k8s.io/apiserver/pkg/cel/library/urls.go). */
export function registerUrls(environment: Environment): Environment {
  const part = (name: string, of: (value: UrlValue) => string): void => {
    environment.registerFunction(`${type}.${name}(): string`, (value: UrlValue) => (value.isPath ? "" : of(value)));
  };
  environment
    .registerType(type, { ctor: UrlValue, fields: {} })
    .registerFunction(`url(string): ${type}`, parseUrl)
    .registerFunction("isURL(string): bool", (text: string) => succeeds(() => parseUrl(text)));
  part("getScheme", ({ url }) => url.protocol.slice(0, -1));
  part("getHost", ({ host }) => host);
  part("getHostname", ({ url }) => url.hostname.replace(/^\[(.*)\]$/, "$1"));
  part("getPort", ({ host }) => /:(\d+)$/.exec(host)?.[1] ?? "");
  return environment
    .registerFunction(`${type}.getEscapedPath(): string`, ({ path }: UrlValue) => path)
    .registerFunction(`${type}.getQuery(): map<string, list<string>>`, ({ url }: UrlValue) => {
      const query = new Map<string, string[]>();
      for (const [key, value] of url.searchParams) query.set(key, [...(query.get(key) ?? []), value]);
      return query;
    })
    .registerOperator(`${type} == ${type}`, (a: UrlValue, b: UrlValue) => a.url.href === b.url.href);
}

function parseUrl(text: string): UrlValue {
  const isAbsolute = text.startsWith("/") || /^[A-Za-z][A-Za-z0-9+.-]*:/.test(text);
  if (!isAbsolute || !URL.canParse(text.startsWith("/") ? `http://path${text}` : text)) {
    throw new Error(
      `URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`,
    );
  }
  return new UrlValue(text);
}
