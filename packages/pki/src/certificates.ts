import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { isIP, isIPv6 } from "node:net";
import { der } from "./der.ts";

/*
 * X.509 certificates (RFC 5280) of ECDSA P-256 keys. Written out here because the libraries for it take longer to
 * load than the whole server may take to start.
 */

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

export interface CertificateAuthority extends CertificateAndKey {
  issue(request: CertificateRequest): CertificateAndKey;
}

const oid = {
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  commonName: "2.5.4.3",
  organization: "2.5.4.10",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAlternativeName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
};

const signatureAlgorithm = der.sequence(der.objectIdentifier(oid.ecdsaWithSha256));
/** Bits of keyUsage: digitalSignature is the first, keyCertSign the sixth. */
const digitalSignature = der.bitString(Buffer.from([0x80]), 7);
const signsCertificates = der.bitString(Buffer.from([0x84]), 2);

/** Ten years: long enough that nobody's cluster on a laptop stops for it. */
const defaultValidityMs = 10 * 365.25 * 24 * 3600 * 1000;
/** Clocks of other machines may be behind. */
const backdateMs = 3600 * 1000;

/** A new authority. `now` in milliseconds; its own and the certificates that it issues are good for `validityMs`. */
export function createCertificateAuthority(
  commonName: string,
  now: number,
  validityMs: number = defaultValidityMs,
): CertificateAuthority {
  const keys = generateKeys();
  const name = distinguishedName(commonName, []);
  const cert = certificate({
    subject: name,
    issuer: name,
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    now,
    validityMs,
    extensions: [
      extension(oid.basicConstraints, true, der.sequence(der.boolean(true))),
      extension(oid.keyUsage, true, signsCertificates),
      extension(oid.subjectKeyIdentifier, false, der.octetString(keyIdentifier(keys.publicKey))),
    ],
  });
  return authority({ cert, key: exportKey(keys.privateKey) }, commonName, now, validityMs);
}

/** The authority of a certificate and key made before. */
export function openCertificateAuthority(pem: CertificateAndKey, now: number): CertificateAuthority {
  const commonName = /^CN=(.*)$/m.exec(new X509Certificate(pem.cert).subject)?.[1];
  if (commonName === undefined) throw new Error("the certificate authority's certificate has no common name");
  return authority(pem, commonName, now, defaultValidityMs);
}

function authority(pem: CertificateAndKey, issuerName: string, now: number, validityMs: number): CertificateAuthority {
  const signingKey = createPrivateKey(pem.key);
  const issuer = distinguishedName(issuerName, []);
  const authorityKey = keyIdentifier(createPublicKey(signingKey));
  return {
    ...pem,
    issue({ commonName, organizations = [], hosts = [], usage }) {
      const keys = generateKeys();
      const purpose = der.objectIdentifier(usage === "server" ? oid.serverAuth : oid.clientAuth);
      const extensions = [
        extension(oid.keyUsage, true, digitalSignature),
        extension(oid.extendedKeyUsage, false, der.sequence(purpose)),
        extension(oid.basicConstraints, true, der.sequence()),
        extension(oid.authorityKeyIdentifier, false, der.sequence(der.implicit(0, authorityKey))),
      ];
      if (hosts.length > 0) {
        extensions.push(extension(oid.subjectAlternativeName, false, der.sequence(...hosts.map(alternativeName))));
      }
      const subject = distinguishedName(commonName, organizations);
      const cert = certificate({ subject, issuer, publicKey: keys.publicKey, signingKey, now, validityMs, extensions });
      return { cert, key: exportKey(keys.privateKey) };
    },
  };
}

/** A private key for signing, PEM (PKCS #8). */
export function generateSigningKey(): string {
  return exportKey(generateKeys().privateKey);
}

interface CertificateContent {
  subject: Buffer;
  issuer: Buffer;
  publicKey: KeyObject;
  signingKey: KeyObject;
  now: number;
  validityMs: number;
  extensions: Buffer[];
}

function certificate({
  subject,
  issuer,
  publicKey,
  signingKey,
  now,
  validityMs,
  extensions,
}: CertificateContent): string {
  const content = der.sequence(
    der.explicit(0, der.integer(Buffer.from([2]))),
    der.integer(serialNumber()),
    signatureAlgorithm,
    issuer,
    der.sequence(der.time(now - backdateMs), der.time(now + validityMs)),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    der.explicit(3, der.sequence(...extensions)),
  );
  const signature = sign("sha256", content, signingKey);
  return pem("CERTIFICATE", der.sequence(content, signatureAlgorithm, der.bitString(signature)));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  const parts = [der.objectIdentifier(id), ...(critical ? [der.boolean(true)] : []), der.octetString(value)];
  return der.sequence(...parts);
}

function distinguishedName(commonName: string, organizations: readonly string[]): Buffer {
  const part = (id: string, value: string): Buffer =>
    der.set(der.sequence(der.objectIdentifier(id), der.utf8String(value)));
  return der.sequence(...organizations.map((name) => part(oid.organization, name)), part(oid.commonName, commonName));
}

function alternativeName(host: string): Buffer {
  return isIP(host) === 0 ? der.implicit(2, Buffer.from(host)) : der.implicit(7, addressBytes(host));
}

function addressBytes(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail] = address.split("::");
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  const hex = [...before, ...zeros, ...after].map((group) => group.padStart(4, "0")).join("");
  return Buffer.from(hex, "hex");
}

function generateKeys(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function exportKey(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

/** The hash of the key's bits, which are the last 65 bytes of its encoding. */
function keyIdentifier(publicKey: KeyObject): Buffer {
  const bits = publicKey.export({ type: "spki", format: "der" }).subarray(-65);
  return createHash("sha1").update(bits).digest();
}

/** 16 random bytes, positive and of full length. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40;
  return bytes;
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
