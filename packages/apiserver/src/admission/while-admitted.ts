import type { AdmissionAttributes, AdmissionChain } from "./admission.ts";

/** Mutating admission, then the rest of a write; what plugins hold for it they let go of when it is over. */
export async function whileAdmitted<T>(
  admission: AdmissionChain,
  attributes: AdmissionAttributes,
  write: () => Promise<T>,
): Promise<T> {
  try {
    await admission.mutate(attributes);
    return await write();
  } finally {
    admission.settle(attributes);
  }
}
