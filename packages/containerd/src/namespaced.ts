import type { CallOptions } from "./connection.ts";

/** Adds the header that says in which of containerd's namespaces a call is meant. */
export function inNamespace(namespace: string): (options?: CallOptions) => CallOptions {
  return (options = {}) => ({ ...options, headers: { ...options.headers, "containerd-namespace": namespace } });
}

/** The options of calls whose results a lease keeps from being collected. */
export function underLease(lease: string, options: CallOptions = {}): CallOptions {
  return { ...options, headers: { ...options.headers, "containerd-lease": lease } };
}
