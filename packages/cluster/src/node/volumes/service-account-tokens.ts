/** The tokens that pods get as files (k8s.io/kubernetes/pkg/kubelet/token/token_manager.go). */
import { type Client, type Clock, type Logger, serviceAccounts } from "@podwright/client";
import type { Pod } from "../../kinds.ts";
import type { TokenProjection } from "./volume-sources.ts";

export interface PodToken {
  token: string;
  /** When to ask again: a fifth of its life before its end, and at least once a day. */
  refreshAtMs: number;
}

interface KnownToken extends PodToken {
  podUid: string;
  expiresAtMs: number;
}

export interface ServiceAccountTokensOptions {
  client: Client;
  clock: Clock;
  logger: Logger;
  /** In [0, 1). */
  random: () => number;
}

const dayMs = 24 * 3600_000;
/** So that pods that started together do not all ask together. */
const maxJitterMs = 10_000;
const retryMs = 30_000;

export class ServiceAccountTokens {
  readonly #options: ServiceAccountTokensOptions;
  readonly #known = new Map<string, KnownToken>();

  constructor(options: ServiceAccountTokensOptions) {
    this.#options = options;
  }

  /**
   * The pod's token, a new one when it is time. A token that still holds is kept when there is no new one. Throws
   * when there is none.
   */
  async get(pod: Pod, { audience = "", expirationSeconds = 3600 }: TokenProjection): Promise<PodToken> {
    const { clock, logger } = this.#options;
    const { uid = "", namespace, name } = pod.metadata;
    const key = JSON.stringify([uid, audience, expirationSeconds]);
    const known = this.#known.get(key);
    if (known !== undefined && clock.now() < known.refreshAtMs) return known;
    try {
      const fresh = await this.#request(pod, audience, expirationSeconds);
      this.#known.set(key, fresh);
      return fresh;
    } catch (error) {
      const { message } = error as Error;
      if (known === undefined) throw new Error(`failed to fetch token: ${message}`, { cause: error });
      if (clock.now() >= known.expiresAtMs) {
        throw new Error(`token expired and refresh failed: ${message}`, { cause: error });
      }
      logger.warn("a pod's token could not be renewed", { pod: `${namespace}/${name}`, error: message });
      return { token: known.token, refreshAtMs: clock.now() + retryMs };
    }
  }

  forget(podUid: string): void {
    for (const [key, token] of this.#known) if (token.podUid === podUid) this.#known.delete(key);
  }

  async #request(pod: Pod, audience: string, expirationSeconds: number): Promise<KnownToken> {
    const { client, random } = this.#options;
    const { uid = "", namespace = "", name = "" } = pod.metadata;
    const request = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: {
        audiences: audience === "" ? [] : [audience],
        expirationSeconds,
        boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
      },
    };
    const account = pod.spec.serviceAccountName || "default";
    const answer = await client
      .resource(serviceAccounts)
      .createSubresource<TokenAnswer>(account, namespace, "token", request);
    const expiresAtMs = Date.parse(answer.status.expirationTimestamp);
    const lifeMs = answer.spec.expirationSeconds * 1000;
    const latestMs = Math.min(expiresAtMs - lifeMs / 5, expiresAtMs - lifeMs + dayMs);
    return { podUid: uid, token: answer.status.token, expiresAtMs, refreshAtMs: latestMs - random() * maxJitterMs };
  }
}

interface TokenAnswer {
  spec: { expirationSeconds: number };
  status: { token: string; expirationTimestamp: string };
}
