import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

/** A certificate and its private key, both PEM. */
export interface CertificateAndKey {
  cert: string;
  key: string;
}

export interface CertificateRequest {
  commonName: string;
  /** A user's groups, as the API server reads them. */
  organizations?: readonly string[];
  /** DNS names and IP addresses of a server. */
  hosts?: readonly string[];
  usage: "server" | "client";
}

export interface CertificateAuthority {
  readonly cert: string;
  readonly key: string;
  issue(request: CertificateRequest): Promise<CertificateAndKey>;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const yearMs = 365.25 * 24 * 3600 * 1000;
/** Long enough that nobody's cluster on a laptop stops for it. */
const validMs = 10 * yearMs;
/** Clocks of other machines may be behind. */
const backdateMs = 3600 * 1000;

/** A new authority. `now` in milliseconds. */
export async function createCertificateAuthority(commonName: string, now: number): Promise<CertificateAuthority> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      name: [{ CN: [commonName] }],
      notBefore: new Date(now - backdateMs),
      notAfter: new Date(now + validMs),
      keys,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, crypto()),
      ],
    },
    crypto(),
  );
  return authority(certificate, keys.privateKey, await exportKey(keys.privateKey), now);
}

/** The authority of a certificate and key made before. */
export async function openCertificateAuthority(pem: CertificateAndKey, now: number): Promise<CertificateAuthority> {
  const bytes = x509.PemConverter.decodeFirst(pem.key);
  const privateKey = await webcrypto.subtle.importKey("pkcs8", bytes, algorithm, true, ["sign"]);
  return authority(new x509.X509Certificate(pem.cert), privateKey, pem.key, now);
}

function authority(
  certificate: x509.X509Certificate,
  privateKey: webcrypto.CryptoKey,
  key: string,
  now: number,
): CertificateAuthority {
  return {
    cert: `${certificate.toString("pem")}\n`,
    key,
    async issue({ commonName, organizations = [], hosts = [], usage }) {
      const keys = await generateKeys();
      const issued = await x509.X509CertificateGenerator.create(
        {
          serialNumber: serialNumber(),
          subject: [...organizations.map((name) => ({ O: [name] })), { CN: [commonName] }],
          issuer: certificate.subjectName,
          notBefore: new Date(now - backdateMs),
          notAfter: new Date(now + validMs),
          publicKey: keys.publicKey,
          signingKey: privateKey,
          signingAlgorithm: algorithm,
          extensions: [
            new x509.BasicConstraintsExtension(false, undefined, true),
            new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
            new x509.ExtendedKeyUsageExtension([
              usage === "server" ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth,
            ]),
            await x509.AuthorityKeyIdentifierExtension.create(certificate, false, crypto()),
            ...(hosts.length > 0 ? [new x509.SubjectAlternativeNameExtension(hosts.map(alternativeName))] : []),
          ],
        },
        crypto(),
      );
      return { cert: `${issued.toString("pem")}\n`, key: await exportKey(keys.privateKey) };
    },
  };
}

/** A private key for signing, PEM (PKCS #8). */
export async function generateSigningKey(): Promise<string> {
  return await exportKey((await generateKeys()).privateKey);
}

function alternativeName(host: string): x509.JsonGeneralName {
  return { type: /^[\d.]+$|:/.test(host) ? "ip" : "dns", value: host };
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const bytes = await webcrypto.subtle.exportKey("pkcs8", key);
  return `${x509.PemConverter.encode(bytes, "PRIVATE KEY")}\n`;
}

/** 16 random bytes, positive. */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}

function crypto(): Crypto {
  return webcrypto as unknown as Crypto;
}
