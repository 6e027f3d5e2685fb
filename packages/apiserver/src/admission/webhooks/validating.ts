import { status } from "@podwright/kube";
import { Conversions } from "../../resources/conversion.ts";
import type { AdmissionPlugin } from "../admission.ts";
import { WebhookCallError, type WebhookCaller } from "./call.ts";
import type { Webhook } from "./configuration.ts";
import { type Invocation, isExempt, type Matcher } from "./matching.ts";
import { ObjectEncoder } from "./review.ts";

/**
 * ValidatingAdmissionWebhook: asks all webhooks at once and waits for every answer; the first refusal counts
 * (k8s.io/apiserver/pkg/admission/plugin/webhook/validating/dispatcher.go).
 */
export function validatingWebhooks(
  webhooks: () => readonly Webhook[],
  match: Matcher,
  caller: WebhookCaller,
): AdmissionPlugin {
  return {
    name: "ValidatingAdmissionWebhook",
    handles: (attributes) => webhooks().length > 0 && !isExempt(attributes),
    validate(attributes) {
      const conversions = new Conversions();
      const matching = conversions.run(() =>
        webhooks().flatMap((webhook) => match(webhook, attributes, conversions) ?? []),
      );
      if (matching instanceof Promise) return matching.then(askAll);
      if (matching.length === 0) return;
      return askAll(matching);

      async function askAll(invocations: readonly Invocation[]): Promise<void> {
        const encoder = new ObjectEncoder();
        const refusals: Error[] = [];
        const ask = async (invocation: Invocation) => {
          try {
            await caller.call(invocation, attributes, "validating", encoder, conversions);
          } catch (error) {
            if (!(error instanceof WebhookCallError)) refusals.push(error as Error);
            else if (!invocation.webhook.ignoreFailures) refusals.push(status.internalError(error.message));
          }
        };
        await Promise.all(invocations.map(ask));
        if (refusals[0] !== undefined) throw refusals[0];
      }
    },
  };
}
