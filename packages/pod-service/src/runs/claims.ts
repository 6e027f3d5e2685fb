import { type Client, persistentVolumeClaims } from "@podwright/client";
import { isCode } from "@podwright/kube/status";
import { type FieldProblem, Problem } from "../problem.ts";
import type { VolumeRequest } from "../templates/volumes.ts";

/** Looks whether the claims that a request wants mounted exist. Throws a Problem (volume_missing) that names each that does not. */
export async function checkClaims(client: Client, namespace: string, vols: readonly VolumeRequest[]): Promise<void> {
  const claims = client.resource(persistentVolumeClaims);
  const errors: FieldProblem[] = [];
  await Promise.all(
    [...new Set(vols.map(({ pvc }) => pvc))].map(async (pvc) => {
      try {
        await claims.get(pvc, namespace);
      } catch (error) {
        // Whatever else is wrong the creation will tell.
        if (!isCode(error, 404)) return;
        const index = vols.findIndex((vol) => vol.pvc === pvc);
        errors.push({ field: `vols[${index}].pvc`, message: `there is no claim ${pvc}` });
      }
    }),
  );
  if (errors.length > 0) {
    throw new Problem("volume_missing", errors.map(({ field, message }) => `${field}: ${message}`).join("; "), {
      errors,
    });
  }
}
