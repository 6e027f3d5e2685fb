/** Who to be to a registry. */
export interface RegistryLogin {
  username: string;
  password: string;
}

export interface RegistryClientOptions {
  /** As references have it: "docker.io", "127.0.0.1:5000". */
  registry: string;
  /** Asked without TLS. Default: registries of this machine, as docker has it. */
  insecure?: boolean;
  timeoutMs?: number;
  userAgent?: string;
}

export interface ManifestHead {
  digest: string;
  etag?: string;
}

/** The registry did not give what was asked for. */
export class RegistryError extends Error {
  /** The HTTP status; 0 when there was none, or the answer makes no sense. */
  readonly status: number;
  /** How long it wants to be left alone, if it says. */
  readonly retryAfterMs: number | undefined;
  constructor(status: number, message: string, retryAfterMs?: number) {
    super(message);
    this.name = "RegistryError";
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");
const longestAnswer = 4 << 20;
/** Pages of tags, of 1000 each. */
const mostPages = 10;

/** Asks one registry, as one user. Protocol: opencontainers/distribution-spec; tokens: distribution's auth/token. */
export class RegistryClient {
  readonly #options: RegistryClientOptions;
  readonly #login: RegistryLogin | undefined;
  readonly #base: string;
  readonly #insecure: boolean;
  /** By repository. */
  readonly #tokens = new Map<string, string>();

  constructor(options: RegistryClientOptions, login?: RegistryLogin) {
    this.#options = options;
    this.#login = login;
    const { registry } = options;
    this.#insecure = options.insecure ?? /^(localhost|127\.[0-9.]+|\[::1\])(:\d+)?$/.test(registry);
    const host = registry === "docker.io" ? "registry-1.docker.io" : registry;
    this.#base = `${this.#insecure ? "http" : "https"}://${host}/v2/`;
  }

  /** The digest of a tag; "unchanged" when it is the one of the ETag; undefined when there is none. Throws RegistryError. */
  async head(repository: string, tag: string, etag?: string): Promise<ManifestHead | "unchanged" | undefined> {
    const path = `${repository}/manifests/${tag}`;
    const headers = { accept: manifestTypes, ...(etag === undefined ? {} : { "if-none-match": etag }) };
    const answer = await this.#ask("HEAD", repository, path, headers);
    await answer.body?.cancel();
    if (answer.status === 304) return "unchanged";
    if (answer.status === 404) return undefined;
    const digest = answer.headers.get("docker-content-digest") ?? "";
    if (!/^sha256:[0-9a-f]{64}$/.test(digest)) {
      throw new RegistryError(0, `${this.#options.registry} gave no digest of ${repository}:${tag}`);
    }
    const tagged = answer.headers.get("etag");
    return { digest, ...(tagged === null ? {} : { etag: tagged }) };
  }

  /** The tags of a repository; none when it is not there. Throws RegistryError. */
  async tags(repository: string): Promise<string[]> {
    const tags: string[] = [];
    let path: string | undefined = `${repository}/tags/list?n=1000`;
    for (let page = 0; path !== undefined && page < mostPages; page++) {
      const answer: Response = await this.#ask("GET", repository, path, {});
      if (answer.status === 404) {
        await answer.body?.cancel();
        break;
      }
      tags.push(...readTags(await readText(answer), this.#options.registry));
      const last: string | undefined = /<[^>]*[?&]last=([^&>]+)[^>]*>;\s*rel="?next"?/.exec(
        answer.headers.get("link") ?? "",
      )?.[1];
      path = last === undefined ? undefined : `${repository}/tags/list?n=1000&last=${last}`;
    }
    return tags;
  }

  async #ask(
    method: "GET" | "HEAD",
    repository: string,
    path: string,
    headers: Record<string, string>,
  ): Promise<Response> {
    const send = (authorization: string | undefined) =>
      this.#fetch(this.#base + path, method, { ...headers, ...(authorization && { authorization }) });
    let answer = await send(this.#tokens.get(repository) ?? this.#basic());
    if (answer.status === 401) {
      const granted = await this.#grant(repository, answer.headers.get("www-authenticate") ?? "");
      if (granted !== undefined) {
        await answer.body?.cancel();
        answer = await send(granted);
        if (answer.ok) this.#tokens.set(repository, granted);
      }
    }
    if (answer.ok || answer.status === 304 || answer.status === 404) return answer;
    await answer.body?.cancel();
    this.#tokens.delete(repository);
    const retryAfter = retryAfterMs(answer.headers.get("retry-after"));
    throw new RegistryError(answer.status, `${this.#options.registry} answered ${answer.status}`, retryAfter);
  }

  /** An Authorization from the token service that a challenge names. */
  async #grant(repository: string, challenge: string): Promise<string | undefined> {
    const parameter = (name: string) => new RegExp(`(?:^|[\\s,])${name}="([^"]*)"`, "i").exec(challenge)?.[1];
    const realm = parameter("realm");
    if (!/^bearer\s/i.test(challenge) || realm === undefined || !URL.canParse(realm)) return undefined;
    const url = new URL(realm);
    // A password must not travel in the clear where the registry itself is not asked so.
    if (url.protocol !== "https:" && !(url.protocol === "http:" && this.#insecure)) return undefined;
    const service = parameter("service");
    if (service !== undefined) url.searchParams.set("service", service);
    url.searchParams.set("scope", parameter("scope") ?? `repository:${repository}:pull`);
    const basic = this.#basic();
    const answer = await this.#fetch(url.href, "GET", basic === undefined ? {} : { authorization: basic });
    if (!answer.ok) {
      await answer.body?.cancel();
      return undefined;
    }
    try {
      const { token, access_token: other } = JSON.parse(await readText(answer)) as Record<string, unknown>;
      const granted = token ?? other;
      return typeof granted === "string" ? `Bearer ${granted}` : undefined;
    } catch {
      return undefined;
    }
  }

  #basic(): string | undefined {
    if (this.#login === undefined) return undefined;
    const { username, password } = this.#login;
    return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  }

  async #fetch(url: string, method: string, headers: Record<string, string>): Promise<Response> {
    const signal = AbortSignal.timeout(this.#options.timeoutMs ?? 10_000);
    try {
      return await fetch(url, { method, headers: { "user-agent": "podwright", ...headers }, signal });
    } catch (error) {
      const { cause, message } = error as Error;
      const why = cause instanceof Error ? cause.message : message;
      throw new RegistryError(0, `${this.#options.registry} does not answer: ${why}`);
    }
  }
}

/** Seconds, or a date. */
function retryAfterMs(text: string | null): number | undefined {
  if (text === null) return undefined;
  if (/^\d{1,9}$/.test(text.trim())) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

async function readText(answer: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of answer.body ?? []) {
    length += part.length;
    if (length > longestAnswer)
      throw new RegistryError(0, `the registry's answer is longer than ${longestAnswer} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function readTags(text: string, registry: string): string[] {
  try {
    const { tags } = JSON.parse(text) as { tags?: unknown };
    return Array.isArray(tags) ? tags.filter((tag) => typeof tag === "string") : [];
  } catch {
    throw new RegistryError(0, `${registry} gave a list of tags that is not JSON`);
  }
}
