import { StatusError } from "@podwright/kube";
import type { Address } from "./service-resolver.ts";

/**
 * What Go's net, crypto/tls and net/http say where Node says something else: users search for these texts, and
 * operators' tests look for them.
 */
export function goNetworkError(error: NodeJS.ErrnoException & { address?: string; port?: number }, target: Address) {
  if (error instanceof StatusError) return error.message;
  const address = `${bracketed(error.address ?? target.host)}:${error.port ?? target.port}`;
  const unresolved = `dial tcp: lookup ${target.host}`;
  switch (error.code) {
    case "ECONNREFUSED":
      return `dial tcp ${address}: connect: connection refused`;
    case "EHOSTUNREACH":
      return `dial tcp ${address}: connect: no route to host`;
    case "ENETUNREACH":
      return `dial tcp ${address}: connect: network is unreachable`;
    case "ETIMEDOUT":
      return `dial tcp ${address}: i/o timeout`;
    case "ENOTFOUND":
      return `${unresolved}: no such host`;
    case "EAI_AGAIN":
      return `${unresolved}: server misbehaving`;
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "CERT_UNTRUSTED":
    case "CERT_SIGNATURE_FAILURE":
      return "tls: failed to verify certificate: x509: certificate signed by unknown authority";
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
      return "tls: failed to verify certificate: x509: certificate has expired or is not yet valid";
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return alternativeName(error as AltNameError, target.host);
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
      return "http: server gave HTTP response to HTTPS client";
    case "ECONNRESET":
      return error.message === "socket hang up" || error.message.startsWith("Client network socket disconnected")
        ? "EOF"
        : "read: connection reset by peer";
    case "EPIPE":
      return "write: broken pipe";
    default:
      return error.message;
  }
}

interface AltNameError extends Error {
  cert?: { subjectaltname?: string };
}

function alternativeName(error: AltNameError, host: string): string {
  const names = (error.cert?.subjectaltname ?? "")
    .split(", ")
    .map((name) => name.replace(/^(DNS|IP Address):/, ""))
    .filter((name) => name !== "");
  const prefix = "tls: failed to verify certificate: x509: ";
  if (/^[\d.]+$|:/.test(host)) {
    const addresses = names.filter((name) => /^[\d.]+$|:/.test(name));
    return addresses.length === 0
      ? `${prefix}cannot validate certificate for ${host} because it doesn't contain any IP SANs`
      : `${prefix}certificate is valid for ${addresses.join(", ")}, not ${host}`;
  }
  const domains = names.filter((name) => !/^[\d.]+$|:/.test(name));
  return domains.length === 0
    ? `${prefix}certificate is not valid for any names, but wanted to match ${host}`
    : `${prefix}certificate is valid for ${domains.join(", ")}, not ${host}`;
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
