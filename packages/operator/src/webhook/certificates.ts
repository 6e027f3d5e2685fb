import { type Client, type Clock, secrets } from "@podwright/client";
import { isCode, type KubeObject } from "@podwright/kube";
import { createServingCertificate, type ServingCertificate } from "./certificate.ts";

/** Where replicas share their certificate. */
export interface SecretName {
  namespace: string;
  name: string;
}

/** The webhooks' serving certificate for as long as the operator runs. */
export interface Certificates {
  readonly current: ServingCertificate;
  stop(): Promise<void>;
}

/** The longest that setTimeout can wait. */
const maxTimerMs = 2 ** 31 - 1;
const retryMs = 60_000;
const renewAtKey = "podwright.dev/renew-at";

/**
 * Gives a certificate and renews it in time: one of its own, or, with a Secret, one that all replicas share, made by
 * whichever comes first. Its CA certificate holds the one before as well, so that no review fails while they change
 * over: `onRenewed` first tells the API server, then puts it in use.
 */
export async function openCertificates(options: {
  hosts: string[];
  client: Client;
  clock: Clock;
  secret?: SecretName;
  onRenewed: (certificate: ServingCertificate) => Promise<void>;
  onError: (error: unknown) => void;
}): Promise<Certificates> {
  const { hosts, client, clock, secret, onError } = options;
  const obtain = (before?: ServingCertificate): Promise<ServingCertificate> => {
    const make = () => succeeding(createServingCertificate(hosts, clock.now()), before);
    return secret === undefined ? Promise.resolve(make()) : sharedCertificate(client, secret, clock.now(), make);
  };

  let current = await obtain();
  let timer: NodeJS.Timeout | undefined;
  let work: Promise<void> = Promise.resolve();
  let stopped = false;
  const renew = async (): Promise<void> => {
    try {
      const next = await obtain(current);
      if (next.certificate !== current.certificate) await options.onRenewed(next);
      current = next;
    } catch (error) {
      onError(error);
    }
    schedule();
  };
  const schedule = (): void => {
    if (stopped) return;
    const waitMs = Math.min(Math.max(current.renewAt - clock.now(), retryMs), maxTimerMs);
    timer = setTimeout(() => {
      if (clock.now() < current.renewAt) schedule();
      else work = renew();
    }, waitMs);
    timer.unref();
  };
  schedule();
  return {
    get current() {
      return current;
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await work;
    },
  };
}

/** The certificate with the CA of the one before it trusted too. */
function succeeding(next: ServingCertificate, before: ServingCertificate | undefined): ServingCertificate {
  if (before === undefined) return next;
  const end = "-----END CERTIFICATE-----\n";
  const newest = before.caCertificate.slice(0, before.caCertificate.indexOf(end) + end.length);
  return { ...next, caCertificate: next.caCertificate + newest };
}

/** The Secret's certificate; a new one where there is none that is good for longer. */
async function sharedCertificate(
  client: Client,
  { namespace, name }: SecretName,
  now: number,
  make: () => ServingCertificate,
): Promise<ServingCertificate> {
  const resource = client.resource(secrets);
  for (;;) {
    const found = await resource.get(name, namespace).catch((error) => {
      if (isCode(error, 404)) return undefined;
      throw error;
    });
    const shared = found === undefined ? undefined : certificateOf(found);
    if (shared !== undefined && now < shared.renewAt) return shared;
    const certificate = make();
    const object = secretOf(certificate, namespace, name);
    try {
      if (found === undefined) await resource.create(object);
      else {
        const { resourceVersion, labels, annotations } = found.metadata;
        const metadata = {
          ...object.metadata,
          labels: { ...labels },
          annotations: { ...annotations, ...object.metadata.annotations },
        };
        await resource.update({
          ...object,
          metadata: { ...metadata, ...(resourceVersion !== undefined ? { resourceVersion } : {}) },
        });
      }
      return certificate;
    } catch (error) {
      // Another replica was first: its certificate is as good.
      if (!isCode(error, 409)) throw error;
    }
  }
}

function secretOf(certificate: ServingCertificate, namespace: string, name: string): KubeObject {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace, annotations: { [renewAtKey]: new Date(certificate.renewAt).toISOString() } },
    type: "kubernetes.io/tls",
    data: {
      "tls.crt": base64(certificate.certificate),
      "tls.key": base64(certificate.privateKey),
      "ca.crt": base64(certificate.caCertificate),
    },
  };
}

function certificateOf(secret: KubeObject): ServingCertificate | undefined {
  const read = (key: string): string => Buffer.from(secret["data"]?.[key] ?? "", "base64").toString("utf8");
  const certificate = {
    certificate: read("tls.crt"),
    privateKey: read("tls.key"),
    caCertificate: read("ca.crt"),
    renewAt: Date.parse(secret.metadata.annotations?.[renewAtKey] ?? ""),
  };
  return Object.values(certificate).every(Boolean) ? certificate : undefined;
}
