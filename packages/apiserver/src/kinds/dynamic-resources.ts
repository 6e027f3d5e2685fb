import { age, ageColumn, column, nameAndAge, nameColumn } from "../resources/columns.ts";
import type { NativeKind, Struct } from "./kind.ts";

function requestDefaults(request: Struct): void {
  request["allocationMode"] ||= "ExactCount";
  if (request["allocationMode"] === "ExactCount") request["count"] ||= 1;
}

export const resourceClaim: NativeKind = {
  defaults: {
    "io.k8s.api.resource.v1.ExactDeviceRequest": requestDefaults,
    "io.k8s.api.resource.v1.DeviceSubRequest": requestDefaults,
  },
  returnsDeletedObject: true,
  table: {
    columns: [nameColumn, column("State", "What has become of the claim."), ageColumn],
    cells(object, nowMs) {
      const deleted = object.metadata.deletionTimestamp !== undefined;
      const status = object["status"] ?? {};
      const states = deleted ? ["deleted"] : [];
      if (status.allocation !== undefined)
        states.push("allocated", ...(status.reservedFor?.length > 0 ? ["reserved"] : []));
      else if (!deleted) states.push("pending");
      return [object.metadata.name ?? "", states.join(","), age(object, nowMs)];
    },
  },
};

export const resourceClaimTemplate: NativeKind = { returnsDeletedObject: true, table: nameAndAge };
export const deviceClass: NativeKind = { hasGeneration: true, returnsDeletedObject: true, table: nameAndAge };

export const resourceSlice: NativeKind = {
  hasGeneration: true,
  returnsDeletedObject: true,
  selectableFields: {
    "spec.nodeName": (object) => object["spec"]?.nodeName,
    "spec.driver": (object) => object["spec"]?.driver,
  },
  table: {
    columns: [
      nameColumn,
      column("Node", "The node that has the devices."),
      column("Driver", "The driver of the devices."),
      column("Pool", "The pool the devices are in."),
      ageColumn,
    ],
    cells: (object, nowMs) => [
      object.metadata.name ?? "",
      object["spec"]?.nodeName ?? "",
      object["spec"]?.driver ?? "",
      object["spec"]?.pool?.name ?? "",
      age(object, nowMs),
    ],
  },
};
