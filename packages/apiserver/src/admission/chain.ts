import type { AdmissionAttributes, AdmissionChain, AdmissionPlugin, MutationPass } from "./admission.ts";

/**
 * The plugins as one chain, in the given order. When a plugin asks for it, all mutating plugins run a second
 * time, never a third (k8s.io/apiserver/pkg/admission/{chain,reinvocation}.go).
 */
export function createAdmissionChain(plugins: readonly AdmissionPlugin[]): AdmissionChain {
  const mutating = plugins.filter((plugin) => plugin.mutate !== undefined);
  const validating = plugins.filter((plugin) => plugin.validate !== undefined);
  const settling = plugins.filter((plugin) => plugin.settle !== undefined);

  async function pass(attributes: AdmissionAttributes, state: MutationPass): Promise<void> {
    for (const plugin of mutating) {
      if (!plugin.handles(attributes)) continue;
      // Most plugins answer at once: awaiting only the others keeps the common request free of extra turns.
      const pending = plugin.mutate?.(attributes, state);
      if (pending !== undefined) await pending;
    }
  }

  return {
    async mutate(attributes) {
      const memory: MutationPass["memory"] = new Map();
      let again = false;
      const requestReinvocation = () => {
        again = true;
      };
      await pass(attributes, { reinvocation: false, requestReinvocation, memory });
      if (again) await pass(attributes, { reinvocation: true, requestReinvocation, memory });
    },
    async validate(attributes) {
      for (const plugin of validating) {
        if (!plugin.handles(attributes)) continue;
        const pending = plugin.validate?.(attributes);
        if (pending !== undefined) await pending;
      }
    },
    settle(attributes) {
      for (const plugin of settling) if (plugin.handles(attributes)) plugin.settle?.(attributes);
    },
  };
}
