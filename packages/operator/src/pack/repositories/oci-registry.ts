import { ChartError } from "../charts/chart-source.ts";
import { authorization, type Credentials, type Download, Downloader } from "./download.ts";

export interface OciRegistryOptions {
  host: string;
  credentials: Credentials;
  insecure: boolean;
  timeoutMs: number;
}

interface Request {
  maxBytes: number;
  headers?: Record<string, string>;
  accept?: readonly number[];
}

/** A registry that is read with basic credentials or the tokens its token service gives for them. */
export class OciRegistry {
  readonly #options: OciRegistryOptions;
  readonly #downloader: Downloader;
  readonly #base: string;
  /** By repository; "" for none. */
  readonly #authorizations = new Map<string, string>();

  constructor(options: OciRegistryOptions) {
    this.#options = options;
    this.#downloader = new Downloader(options.credentials);
    this.#base = `${options.insecure ? "http" : "https"}://${options.host}/v2/`;
  }

  close(): void {
    this.#downloader.close();
  }

  /** Whether it is there and takes the credentials. Throws ChartError. */
  async ping(): Promise<void> {
    await this.#authorized("", "", { maxBytes: 64 * 1024 });
  }

  /** Reads below a repository: "tags/list", "manifests/TAG", "blobs/DIGEST". Throws ChartError. */
  get(repository: string, path: string, request: Request): Promise<Download> {
    return this.#authorized(repository, `${repository}/${path}`, request);
  }

  async #authorized(repository: string, path: string, request: Request): Promise<Download> {
    const send = (authorization: string | undefined) =>
      this.#downloader.get(this.#base + path, {
        ...request,
        authorization,
        timeoutMs: this.#options.timeoutMs,
        accept: [...(request.accept ?? []), 401],
      });
    const first = await send(this.#authorizations.get(repository) ?? authorization(this.#options.credentials));
    if (first.status !== 401) return first;
    const granted = await this.#grant(repository, String(first.headers["www-authenticate"] ?? ""));
    if (granted !== undefined) {
      const second = await send(granted);
      if (second.status !== 401) {
        if (this.#authorizations.size > 1000) this.#authorizations.clear();
        this.#authorizations.set(repository, granted);
        return second;
      }
    }
    throw new ChartError(
      "AuthenticationFailed",
      `the registry ${this.#options.host} answered 401: the credentials of spec.secretRef are missing or not accepted`,
      true,
    );
  }

  /** An Authorization from the token service that a challenge names (distribution's auth/token specification). */
  async #grant(repository: string, challenge: string): Promise<string | undefined> {
    const parameter = (name: string) => new RegExp(`(?:^|[\\s,])${name}="([^"]*)"`, "i").exec(challenge)?.[1];
    const realm = parameter("realm");
    if (!/^bearer\s/i.test(challenge) || realm === undefined) return undefined;
    let url: URL;
    try {
      url = new URL(realm);
    } catch {
      return undefined;
    }
    // Credentials must not travel in the clear where the registry itself is not asked so.
    if (url.protocol !== "https:" && !(url.protocol === "http:" && this.#options.insecure)) return undefined;
    const service = parameter("service");
    if (service !== undefined) url.searchParams.set("service", service);
    const scope = parameter("scope") ?? (repository === "" ? undefined : `repository:${repository}:pull`);
    if (scope !== undefined) url.searchParams.set("scope", scope);
    const { body } = await this.#downloader.get(url.href, {
      maxBytes: 64 * 1024,
      timeoutMs: this.#options.timeoutMs,
      authorization: authorization(this.#options.credentials),
    });
    try {
      const { token, access_token: accessToken } = JSON.parse(body.toString("utf8")) as Record<string, unknown>;
      const granted = token ?? accessToken;
      return typeof granted === "string" ? `Bearer ${granted}` : undefined;
    } catch {
      return undefined;
    }
  }
}
