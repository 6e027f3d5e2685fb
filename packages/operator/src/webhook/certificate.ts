import { X509Certificate } from "node:crypto";

/** A serving certificate and the CA that clients trust it by, all PEM. */
export interface ServingCertificate {
  caCertificate: string;
  certificate: string;
  privateKey: string;
  /** When a new one must be in use, in ms since the epoch: two thirds of its life after it was made. */
  renewAt: number;
}

const dayMs = 24 * 60 * 60 * 1000;
const lifetimeMs = 365 * dayMs;

/**
 * Makes a CA and a serving certificate (ECDSA P-256, one year) for the host names and IP addresses given. The CA's
 * key signs this one certificate and is forgotten.
 */
export async function createServingCertificate(hosts: string[], now: number = Date.now()): Promise<ServingCertificate> {
  const x509 = await import("@peculiar/x509");
  const { subtle } = globalThis.crypto;
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = () => subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const validity = { notBefore: new Date(now - 5 * 60 * 1000), notAfter: new Date(now + lifetimeMs) };

  const caKeys = await keys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=podwright-webhook-ca",
    serialNumber: randomSerial(),
    ...validity,
    signingAlgorithm: algorithm,
    keys: caKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  const servingKeys = await keys();
  const serving = await x509.X509CertificateGenerator.create({
    subject: "CN=podwright-webhook",
    issuer: ca.subject,
    serialNumber: randomSerial(),
    ...validity,
    signingAlgorithm: algorithm,
    publicKey: servingKeys.publicKey,
    signingKey: caKeys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        hosts.map((value) => ({ type: /^[\d.]+$|:/.test(value) ? "ip" : "dns", value })),
      ),
    ],
  });
  const pkcs8 = Buffer.from(await subtle.exportKey("pkcs8", servingKeys.privateKey)).toString("base64");
  const certificate = serving.toString("pem");
  return {
    caCertificate: ca.toString("pem"),
    certificate,
    privateKey: `-----BEGIN PRIVATE KEY-----\n${pkcs8.replace(/.{64}/g, "$&\n").trimEnd()}\n-----END PRIVATE KEY-----\n`,
    renewAt: Date.parse(new X509Certificate(certificate).validTo) - lifetimeMs / 3,
  };
}

function randomSerial(): string {
  return Buffer.from(globalThis.crypto.getRandomValues(new Uint8Array(16))).toString("hex");
}
