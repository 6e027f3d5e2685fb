/** Links in proxied pages and redirects (k8s.io/apimachinery/pkg/util/proxy/transport.go). */

/** Attributes that are URLs, by element. */
const urlAttributes: Readonly<Record<string, readonly string[]>> = {
  a: ["href"],
  applet: ["codebase"],
  area: ["href"],
  audio: ["src"],
  base: ["href"],
  blockquote: ["cite"],
  body: ["background"],
  button: ["formaction"],
  command: ["icon"],
  del: ["cite"],
  embed: ["src"],
  form: ["action"],
  frame: ["longdesc", "src"],
  head: ["profile"],
  html: ["manifest"],
  iframe: ["longdesc", "src"],
  img: ["longdesc", "src", "usemap"],
  input: ["src", "usemap", "formaction"],
  ins: ["cite"],
  link: ["href"],
  object: ["classid", "codebase", "data", "usemap"],
  q: ["cite"],
  script: ["src"],
  source: ["src"],
  video: ["poster", "src"],
};

export interface LinkContext {
  /** The path of the proxy, before the path that the pod sees. */
  prefix: string;
  /** Who answers: the pod's host and port. */
  targetHost: string;
  /** The Host header of the request. */
  requestHost: string;
}

/** The URL as it has to be to come by the proxy again. Those of other hosts and relative ones stay as they are. */
export function rewriteUrl(url: string, { prefix, targetHost, requestHost }: LinkContext): string {
  const match = /^(?:([a-z][a-z\d+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/is.exec(url);
  const [, scheme, host, path = "", rest = ""] = match ?? [];
  if (match === null || !path.startsWith("/")) return url;
  if (host && host !== targetHost && host !== requestHost) return url;
  // A URL with a scheme and no host, as file:/x, is a path of this host too.
  const origin = host && host === requestHost ? `${scheme ? `${scheme}:` : ""}//${host}` : "";
  return path.startsWith(prefix) ? `${origin}${path}${rest}` : `${origin}${joined(prefix, path)}${rest}`;
}

/** Keeps a slash at the end; leaves out doubled ones. */
export function joined(prefix: string, path: string): string {
  const segments: string[] = [];
  for (const segment of `${prefix}/${path}`.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return `/${segments.join("/")}${path.endsWith("/") && segments.length > 0 ? "/" : ""}`;
}

/** What begins a comment or an element. */
const opening = /<!--|<([a-z][\w-]*)/gi;
/** Elements whose text is no markup. */
const rawText: readonly string[] = ["script", "style", "textarea", "title", "xmp", "noembed", "noframes"];
const attribute = /(\s)([a-z-]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s>"']+)/gi;

/** The page with its links going by the proxy. It is gone through once, whatever a pod has put into it. */
export function rewriteHtml(page: string, context: LinkContext): string {
  let out = "";
  let last = 0;
  const begins = new RegExp(opening);
  for (let match = begins.exec(page); match !== null; match = begins.exec(page)) {
    const element = match[1]?.toLowerCase();
    const end = element === undefined ? indexAfter(page, "-->", begins.lastIndex) : tagEnd(page, begins.lastIndex);
    // One without an end goes on to the end of the page.
    if (end < 0) break;
    const tag = page.slice(match.index, end);
    out += page.slice(last, match.index);
    out += element === undefined ? tag : rewriteTag(tag, urlAttributes[element], context);
    last = end;
    begins.lastIndex = end;
    if (element === undefined || !rawText.includes(element) || tag.endsWith("/>")) continue;
    const close = new RegExp(`</${element}`, "gi");
    close.lastIndex = end;
    const closing = close.exec(page);
    if (closing === null) break;
    begins.lastIndex = closing.index;
  }
  return out + page.slice(last);
}

function indexAfter(page: string, text: string, from: number): number {
  const at = page.indexOf(text, from);
  return at < 0 ? -1 : at + text.length;
}

/** Where a tag ends: at the first ">" that is in no quoted value. -1 when it does not. */
function tagEnd(page: string, from: number): number {
  let quote: string | undefined;
  let before = "";
  for (let at = from; at < page.length; at++) {
    const character = page.charAt(at);
    if (quote !== undefined) {
      if (character === quote) quote = undefined;
    } else if (character === ">") {
      return at + 1;
    } else if ((character === '"' || character === "'") && before === "=") {
      quote = character;
    }
    if (character.trim() !== "") before = character;
  }
  return -1;
}

function rewriteTag(tag: string, names: readonly string[] | undefined, context: LinkContext): string {
  if (names === undefined) return tag;
  return tag.replace(attribute, (whole, space: string, name: string, equals: string, value: string) => {
    if (!names.includes(name.toLowerCase())) return whole;
    const quote = value.startsWith('"') || value.startsWith("'") ? (value[0] as string) : "";
    const text = quote === "" ? value : value.slice(1, -1);
    const url = rewriteUrl(text.replaceAll("&amp;", "&"), context);
    const written = url === text.replaceAll("&amp;", "&") ? text : url.replaceAll("&", "&amp;");
    return `${space}${name}${equals}${quote}${written}${quote}`;
  });
}
