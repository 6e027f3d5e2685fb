import type { KubeObject } from "@podwright/kube";
import { nameAndAge } from "../resources/columns.ts";
import type { NativeKind } from "./kind.ts";

export const serviceAccount: NativeKind = {
  prepareForCreate: keepSecretNames,
  prepareForUpdate: keepSecretNames,
  returnsDeletedObject: true,
  table: nameAndAge,
};

/** Secrets are referred to by name only (k8s.io/kubernetes/pkg/registry/core/serviceaccount/strategy.go). */
function keepSecretNames(object: KubeObject): void {
  const secrets: { name?: string }[] | undefined = object["secrets"];
  if (secrets !== undefined) object["secrets"] = secrets.map(({ name }) => (name === undefined ? {} : { name }));
}
