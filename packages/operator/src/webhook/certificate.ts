import { createCertificateAuthority } from "@podwright/pki";

/** A serving certificate and the CA that clients trust it by, all PEM. */
export interface ServingCertificate {
  caCertificate: string;
  certificate: string;
  privateKey: string;
  /** When a new one must be in use, in ms since the epoch: two thirds of its life after it was made. */
  renewAt: number;
}

const validityMs = 365 * 24 * 60 * 60 * 1000;

/**
 * Makes a CA and a serving certificate, good for a year, for the host names and IP addresses given. The CA's key signs
 * this one certificate and is forgotten.
 */
export function createServingCertificate(hosts: string[], now: number = Date.now()): ServingCertificate {
  const authority = createCertificateAuthority("podwright-webhook-ca", now, validityMs);
  const { cert, key } = authority.issue({ commonName: "podwright-webhook", hosts, usage: "server" });
  return { caCertificate: authority.cert, certificate: cert, privateKey: key, renewAt: now + (validityMs * 2) / 3 };
}
