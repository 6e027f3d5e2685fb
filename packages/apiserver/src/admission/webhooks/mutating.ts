import { isDeepStrictEqual } from "node:util";
import { applyJsonPatch, type JsonPatchOperation, type KubeObject, parseJson, status } from "@podwright/kube";
import { Conversions } from "../../resources/conversion.ts";
import type { AdmissionAttributes, AdmissionPlugin, MutationPass } from "../admission.ts";
import { recanonicalize } from "../recanonicalize.ts";
import { WebhookCallError, type WebhookCaller } from "./call.ts";
import type { Webhook } from "./configuration.ts";
import { type Invocation, isExempt, type Matcher } from "./matching.ts";
import { kindOf, ObjectEncoder, type ReviewResponse } from "./review.ts";

/** What the first pass over the plugins leaves for the second (mutating/reinvocationcontext.go). */
interface Memory {
  /** Reinvocable webhooks that have run since the object last changed. */
  invoked: Set<string>;
  /** Those that must run again. */
  again: Set<string>;
  /** A copy of the object as the webhooks left it. */
  output?: KubeObject | undefined;
}

/**
 * MutatingAdmissionWebhook: asks the webhooks one after the other; each sees what those before it did
 * (k8s.io/apiserver/pkg/admission/plugin/webhook/mutating/dispatcher.go).
 */
export function mutatingWebhooks(
  webhooks: () => readonly Webhook[],
  match: Matcher,
  caller: WebhookCaller,
): AdmissionPlugin {
  async function dispatch(attributes: AdmissionAttributes, pass: MutationPass, memory: Memory): Promise<void> {
    const encoder = new ObjectEncoder();
    const conversions = new Conversions();
    for (const webhook of webhooks()) {
      const invocation = await conversions.run(() => match(webhook, attributes, conversions));
      if (invocation === undefined) continue;
      // The second pass calls nobody for the first time, whatever matches by now.
      if (pass.reinvocation && !memory.again.has(webhook.id)) continue;
      let changed = false;
      try {
        const response = await caller.call(invocation, attributes, "mutating", encoder, conversions);
        changed = await applyResponse(response, invocation, attributes, conversions);
      } catch (error) {
        if (!(error instanceof WebhookCallError)) throw error;
        if (!webhook.ignoreFailures) throw status.internalError(error.message);
      }
      if (changed) {
        pass.requestReinvocation();
        for (const id of memory.invoked) memory.again.add(id);
        memory.invoked.clear();
      }
      if (webhook.reinvocable) memory.invoked.add(webhook.id);
    }
    // Only the second pass compares with it.
    if (!pass.reinvocation && memory.invoked.size > 0) memory.output = structuredClone(attributes.object);
  }

  const plugin: AdmissionPlugin = {
    name: "MutatingAdmissionWebhook",
    handles: (attributes) => webhooks().length > 0 && !isExempt(attributes),
    mutate(attributes, pass) {
      const memory = (pass.memory.get(plugin) as Memory | undefined) ?? { invoked: new Set(), again: new Set() };
      pass.memory.set(plugin, memory);
      if (pass.reinvocation && memory.invoked.size > 0 && !isDeepStrictEqual(memory.output, attributes.object)) {
        for (const id of memory.invoked) memory.again.add(id);
        memory.invoked.clear();
      }
      return dispatch(attributes, pass, memory);
    },
  };
  return plugin;
}

/** Puts the patched object in the place of the old one. Tells whether it differs. */
async function applyResponse(
  response: ReviewResponse,
  invocation: Invocation,
  attributes: AdmissionAttributes,
  conversions: Conversions,
): Promise<boolean> {
  const { webhook, resource } = invocation;
  if (response.patch === undefined) return false;
  const operations = parsePatch(response.patch, webhook.name);
  if (operations.length === 0) return false;
  if (attributes.object === undefined) {
    throw status.internalError(
      `admission webhook ${JSON.stringify(webhook.name)} attempted to modify the object, which is not supported for this operation`,
    );
  }
  if (response.patchType !== "JSONPatch") {
    throw new WebhookCallError(webhook.name, `unsupported patch type ${JSON.stringify(response.patchType)}`);
  }
  const { object } = attributes;
  const before = await conversions.run(() => conversions.convert(object, attributes.resource, resource));
  let after: KubeObject;
  try {
    const patched = applyJsonPatch(before, operations) as KubeObject;
    after = recanonicalize(patched, kindOf(resource, attributes.subresource), resource);
  } catch (error) {
    throw status.internalError((error as Error).message);
  }
  const changed = !isDeepStrictEqual(before, after);
  if (after.kind === resource.kind) resource.strategy.setDefaults(after);
  attributes.object = await conversions.run(() => conversions.convert(after, resource, attributes.resource));
  return changed;
}

function parsePatch(text: string, webhook: string): JsonPatchOperation[] {
  try {
    const operations = parseJson(text).value as JsonPatchOperation[] | null;
    if (operations === null) return [];
    if (!Array.isArray(operations))
      throw new Error("json: cannot unmarshal object into Go value of type jsonpatch.Patch");
    return operations;
  } catch (error) {
    const message = `received undecodable patch in webhook response: ${(error as Error).message}`;
    throw new WebhookCallError(webhook, message);
  }
}
