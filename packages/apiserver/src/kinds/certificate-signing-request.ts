import type { KubeObject } from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import { humanDuration } from "../resources/human-duration.ts";
import type { NativeKind, Struct } from "./kind.ts";

export const certificateSigningRequest: NativeKind = {
  selectableFields: { "spec.signerName": (object) => object["spec"]?.signerName },
  table: {
    columns: [
      nameColumn,
      ageColumn,
      column("SignerName", "Who signs it."),
      column("Requestor", "Who asked for it."),
      column("RequestedDuration", "How long it is to be valid."),
      column("Condition", "What has become of it."),
    ],
    cells(object, nowMs) {
      const { signerName, username = "", expirationSeconds } = object["spec"] ?? {};
      return [
        object.metadata.name ?? "",
        age(object, nowMs),
        signerName || "<none>",
        username,
        expirationSeconds === undefined ? "<none>" : humanDuration(expirationSeconds * 1000),
        condition(object),
      ];
    },
  },
};

function condition(object: KubeObject): string {
  const { conditions = [], certificate } = object["status"] ?? {};
  const has = (type: string) => conditions.some((candidate: Struct) => candidate["type"] === type);
  const decision = has("Denied") ? "Denied" : has("Approved") ? "Approved" : "Pending";
  return `${decision}${has("Failed") ? ",Failed" : ""}${certificate ? ",Issued" : ""}`;
}
