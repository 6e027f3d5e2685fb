import { randomInt } from "node:crypto";
import { type Authorizer, allowAuthenticated } from "../authorization/authorizer.ts";
import { serviceAllocation } from "../kinds/service-allocation.ts";
import type { ResourceRegistry } from "../resources/resource.ts";
import type { Storage } from "../storage/storage.ts";
import type { AdmissionChain, AdmissionPlugin } from "./admission.ts";
import { createAdmissionChain } from "./chain.ts";
import { type Lister, startLister } from "./lister.ts";
import { createChecks } from "./plugins/create-checks.ts";
import { defaultTolerations } from "./plugins/default-tolerations.ts";
import { limitRanger } from "./plugins/limit-ranger.ts";
import { namespaceLifecycle } from "./plugins/namespace-lifecycle.ts";
import { priority } from "./plugins/priority.ts";
import { resourceQuota } from "./plugins/resource-quota.ts";
import { serviceAccount } from "./plugins/service-account.ts";
import { defaultStorageClass, storageProtection } from "./plugins/storage.ts";
import { validatingPolicies } from "./policies/validating-policies.ts";
import { createWebhookCaller } from "./webhooks/call.ts";
import { webhookSource } from "./webhooks/configuration.ts";
import type { Dial } from "./webhooks/endpoint.ts";
import { createConditionMatcher } from "./webhooks/match-conditions.ts";
import { createCriteriaMatcher, createMatcher } from "./webhooks/matching.ts";
import { mutatingWebhooks } from "./webhooks/mutating.ts";
import { endpointResolver, type ServiceResolver } from "./webhooks/service-resolver.ts";
import { validatingWebhooks } from "./webhooks/validating.ts";

export interface AdmissionOptions {
  storage: Storage;
  registry: ResourceRegistry;
  /** Where webhooks given by Service are; by default one of the Service's ready endpoints, as stored. */
  resolveService?: ServiceResolver;
  /** How connections to webhooks are opened; by default TCP. */
  dial?: Dial;
  /** Asked by the match conditions of webhooks; by default it lets everybody who is somebody do everything. */
  authorizer?: Authorizer;
  /** Refuses roles and bindings that grant more than their writer has; by default nobody does. */
  escalationCheck?: AdmissionPlugin;
  /** Five characters for generated names. */
  randomSuffix?: () => string;
}

export interface Admission {
  chain: AdmissionChain;
  /** Lets go of the storage and of connections to webhooks. */
  close(): void;
}

/**
 * The plugins of a default kube-apiserver that this server has, in upstream's order
 * (k8s.io/kubernetes/pkg/kubeapiserver/options/plugins.go). What they look up is mirrored from the storage, so
 * that no plugin waits for anything but a webhook.
 */
export function createAdmission(options: AdmissionOptions): Admission {
  const { storage, registry } = options;
  const listers: Lister[] = [];
  const lister = (prefix: string) => {
    const started = startLister(storage, prefix);
    listers.push(started);
    return started;
  };
  const namespaces = lister("//namespaces/");
  const caller = createWebhookCaller(options.resolveService ?? endpointResolver(storage), options.dial);
  const meetsConditions = createConditionMatcher(options.authorizer ?? allowAuthenticated);
  const matches = createCriteriaMatcher(namespaces, registry);
  const match = createMatcher(matches, meetsConditions);
  const webhooks = {
    mutating: webhookSource(lister("/admissionregistration.k8s.io/mutatingwebhookconfigurations/")),
    validating: webhookSource(lister("/admissionregistration.k8s.io/validatingwebhookconfigurations/")),
  };
  const plugins: AdmissionPlugin[] = [
    createChecks(),
    namespaceLifecycle(namespaces),
    limitRanger(lister("//limitranges/")),
    serviceAccount(lister("//serviceaccounts/"), options.randomSuffix ?? randomSuffix),
    priority(lister("/scheduling.k8s.io/priorityclasses/")),
    defaultTolerations(),
    defaultStorageClass(lister("/storage.k8s.io/storageclasses/")),
    storageProtection(),
    mutatingWebhooks(webhooks.mutating, match, caller),
    serviceAllocation(lister("//services/")),
    ...(options.escalationCheck === undefined ? [] : [options.escalationCheck]),
    validatingPolicies({
      policies: lister("/admissionregistration.k8s.io/validatingadmissionpolicies/"),
      bindings: lister("/admissionregistration.k8s.io/validatingadmissionpolicybindings/"),
      namespaces,
      matches,
      storage,
      registry,
      authorizer: options.authorizer ?? allowAuthenticated,
    }),
    validatingWebhooks(webhooks.validating, match, caller),
    resourceQuota({
      quotas: lister("//resourcequotas/"),
      storage,
      resource: () => registry.lookup("", "v1", "resourcequotas"),
      now: Date.now,
    }),
  ];
  const unsubscribe = storage.subscribe((change) => {
    if (!change.key.startsWith("/admissionregistration.k8s.io/") || change.previous === undefined) return;
    caller.keepOnly([...webhooks.mutating(), ...webhooks.validating()]);
  });
  return {
    chain: createAdmissionChain(plugins),
    close() {
      unsubscribe();
      for (const each of listers) each.stop();
      caller.keepOnly([]);
    },
  };
}

/** The letters and digits that spell no words (k8s.io/apimachinery/pkg/util/rand). */
const alphabet = "bcdfghjklmnpqrstvwxz2456789";

function randomSuffix(): string {
  return Array.from({ length: 5 }, () => alphabet[randomInt(alphabet.length)]).join("");
}
