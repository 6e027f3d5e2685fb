/** Image names as the kubelet reads them (k8s.io/kubernetes/pkg/util/parsers, github.com/distribution/reference). */

const tagPattern = /:[\w][\w.-]{0,127}$/;
const digestPattern = /@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const pathPattern = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const hostPattern = /^(?:\[[a-fA-F0-9:]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::\d+)?$/;

export interface ImageName {
  /** "docker.io" where none is written. */
  host: string;
  /** "library/busybox" */
  path: string;
  tag: string | undefined;
  digest: string | undefined;
}

/** Takes a name apart. Throws an Error with the kubelet's text. */
export function parseImageName(text: string): ImageName {
  const digest = digestPattern.exec(text)?.[0];
  const untagged = digest === undefined ? text : text.slice(0, -digest.length);
  const tag = tagPattern.exec(untagged)?.[0];
  const name = tag === undefined ? untagged : untagged.slice(0, -tag.length);
  const slash = name.indexOf("/");
  const first = slash === -1 ? "" : name.slice(0, slash);
  const isHost = first === "localhost" || /[.:]/.test(first) || first !== first.toLowerCase();
  const host = isHost ? first : "docker.io";
  const rest = isHost ? name.slice(slash + 1) : name;
  const path = host === "docker.io" && !rest.includes("/") ? `library/${rest}` : rest;
  const problem = problemOf(text, host, path);
  if (problem !== undefined) throw new Error(`couldn't parse image name ${JSON.stringify(text)}: ${problem}`);
  return { host: host === "index.docker.io" ? "docker.io" : host, path, tag: tag?.slice(1), digest: digest?.slice(1) };
}

function problemOf(text: string, host: string, path: string): string | undefined {
  if (hostPattern.test(host) && pathPattern.test(path) && text !== "") return undefined;
  const invalid = "invalid reference format";
  if (pathPattern.test(path.toLowerCase()) && path !== path.toLowerCase()) {
    return `${invalid}: repository name (${path}) must be lowercase`;
  }
  return invalid;
}

/** The name with ":latest" where it says neither tag nor digest. Throws as {@link parseImageName}. */
export function withDefaultTag(text: string): string {
  const { tag, digest } = parseImageName(text);
  return tag === undefined && digest === undefined ? `${text}:latest` : text;
}
