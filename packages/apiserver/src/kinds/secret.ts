import { type FieldError, fieldError, isConfigMapKey, type KubeObject } from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import { immutableData, maxDataBytes } from "./config-map.ts";
import { type Errors, invalid, isImmutable } from "./field-checks.ts";
import type { NativeKind } from "./kind.ts";

export const secret: NativeKind = {
  defaults: {
    "io.k8s.api.core.v1.Secret": (secret) => {
      secret["type"] ||= "Opaque";
      // stringData can be written only: it goes into data, over what is there.
      for (const [key, text] of Object.entries<string>(secret["stringData"] ?? {})) {
        secret["data"] ??= {};
        secret["data"][key] = Buffer.from(text).toString("base64");
      }
      delete secret["stringData"];
    },
  },
  validate: validateSecret,
  validateUpdate(object, old) {
    const errors: Errors = [];
    if (object["type"] !== old["type"]) errors.push(fieldError.invalid("type", object["type"], isImmutable));
    return [...errors, ...immutableData(object, old, ["data"]), ...validateSecret(object)];
  },
  selectableFields: { type: (object) => object["type"] },
  table: {
    columns: [
      nameColumn,
      column("Type", "What the secret is for."),
      column("Data", "The number of entries."),
      ageColumn,
    ],
    cells: (object, nowMs) => [
      object.metadata.name ?? "",
      object["type"] ?? "",
      Object.keys(object["data"] ?? {}).length,
      age(object, nowMs),
    ],
  },
};

/** What secrets of a type must hold; one of the keys will do for basic-auth. */
const requiredKeys: Readonly<Record<string, readonly string[]>> = {
  "kubernetes.io/dockercfg": [".dockercfg"],
  "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
  "kubernetes.io/basic-auth": ["username", "password"],
  "kubernetes.io/ssh-auth": ["ssh-privatekey"],
  "kubernetes.io/tls": ["tls.crt", "tls.key"],
};

function validateSecret(object: KubeObject): FieldError[] {
  const errors: Errors = [];
  const data: Record<string, string> = object["data"] ?? {};
  let bytes = 0;
  for (const [key, value] of Object.entries(data)) {
    invalid(errors, `data[${key}]`, key, isConfigMapKey(key));
    bytes += Buffer.byteLength(value, "base64");
  }
  if (bytes > maxDataBytes) errors.push(fieldError.tooLong("data", maxDataBytes));

  const type: string = object["type"];
  const account = "kubernetes.io/service-account.name";
  if (type === "kubernetes.io/service-account-token" && !object.metadata.annotations?.[account]) {
    errors.push(fieldError.required(`metadata.annotations[${account}]`));
  }
  const missing = (requiredKeys[type] ?? []).filter((key) =>
    type === "kubernetes.io/ssh-auth" ? !data[key] : data[key] === undefined,
  );
  const oneWillDo = type === "kubernetes.io/basic-auth" && missing.length < 2;
  if (!oneWillDo) for (const key of missing) errors.push(fieldError.required(`data[${key}]`));
  if (missing.length === 0 && type.startsWith("kubernetes.io/dockerc"))
    dockerConfig(errors, data, requiredKeys[type]?.[0] ?? "");
  return errors;
}

function dockerConfig(errors: Errors, data: Record<string, string>, key: string): void {
  const text = Buffer.from(data[key] ?? "", "base64").toString();
  try {
    JSON.parse(text);
  } catch {
    // Go's texts for the two mistakes people make; the others are told in our own words.
    const start = text.trim().charAt(0);
    const detail =
      start === "" ? "unexpected end of JSON input" : `invalid character '${start}' looking for beginning of value`;
    errors.push(fieldError.invalid(`data[${key}]`, "<secret contents redacted>", detail));
  }
}
