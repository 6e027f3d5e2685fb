import type { KubeObject } from "@podwright/kube";
import { ChartError } from "../charts/chart-source.ts";
import type { Credentials } from "./download.ts";

/**
 * What a Secret holds for a repository: username and password, or token; ca.crt; tls.crt and tls.key; or, as image pull
 * secrets do, a .dockerconfigjson with the registry's host.
 * Throws ChartError("InvalidSecret") that names keys, never values.
 */
export function credentialsOf(secret: KubeObject, host: string | undefined): Credentials {
  const data = (secret["data"] ?? {}) as Record<string, string>;
  const text = (key: string) =>
    Object.hasOwn(data, key) ? Buffer.from(data[key] as string, "base64").toString("utf8") : undefined;
  const invalid = (message: string) =>
    new ChartError("InvalidSecret", `Secret ${secret.metadata.namespace}/${secret.metadata.name}: ${message}`, false);

  const credentials: Credentials = { ...dockerLogin(text(".dockerconfigjson"), host, invalid) };
  const username = text("username");
  const password = text("password");
  const token = text("token")?.trim();
  if ((username === undefined) !== (password === undefined)) throw invalid("has one of username and password only");
  if (username !== undefined && password !== undefined) Object.assign(credentials, { username, password });
  if (token !== undefined && token !== "") credentials.token = token;

  const ca = text("ca.crt");
  const cert = text("tls.crt");
  const key = text("tls.key");
  if ((cert === undefined) !== (key === undefined)) throw invalid("has one of tls.crt and tls.key only");
  if (ca !== undefined) credentials.ca = ca;
  if (cert !== undefined && key !== undefined) Object.assign(credentials, { cert, key });
  if (Object.keys(credentials).length === 0) {
    throw invalid("has none of username and password, token, ca.crt, tls.crt and tls.key");
  }
  return credentials;
}

function dockerLogin(
  text: string | undefined,
  host: string | undefined,
  invalid: (message: string) => ChartError,
): Credentials {
  if (text === undefined || host === undefined) return {};
  let auths: Record<string, { auth?: string; username?: string; password?: string }>;
  try {
    auths = JSON.parse(text).auths ?? {};
  } catch {
    throw invalid("its .dockerconfigjson is not JSON");
  }
  const login = auths[host] ?? auths[`https://${host}`];
  if (login === undefined) throw invalid(`its .dockerconfigjson has no ${host}`);
  if (login.username !== undefined) return { username: login.username, password: login.password ?? "" };
  const decoded = Buffer.from(login.auth ?? "", "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  return colon < 0 ? {} : { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}
