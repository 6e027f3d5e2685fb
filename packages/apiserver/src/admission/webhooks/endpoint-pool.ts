import type { ClientConfig } from "./configuration.ts";
import { createEndpoint, type Dial, type Endpoint } from "./endpoint.ts";
import type { ServiceResolver } from "./service-resolver.ts";

/** The endpoints of webhooks, whose connections are kept between calls. */
export interface EndpointPool {
  of(config: ClientConfig): Endpoint;
  /** Lets go of connections to those that are not in this list any more. */
  keepOnly(configs: readonly ClientConfig[]): void;
}

export function createEndpointPool(resolve: ServiceResolver, dial?: Dial): EndpointPool {
  const endpoints = new Map<string, Endpoint>();
  return {
    of(config) {
      const key = JSON.stringify(config);
      let endpoint = endpoints.get(key);
      if (endpoint === undefined) {
        endpoint = createEndpoint(config, resolve, dial);
        endpoints.set(key, endpoint);
      }
      return endpoint;
    },
    keepOnly(configs) {
      const wanted = new Set(configs.map((config) => JSON.stringify(config)));
      for (const [key, endpoint] of endpoints) {
        if (wanted.has(key)) continue;
        endpoints.delete(key);
        endpoint.retire();
      }
    },
  };
}
