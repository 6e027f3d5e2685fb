import type { JsonObject, KubeObject } from "@podwright/kube";
import type { UserInfo } from "../request.ts";
import type { Resource } from "../resources/resource.ts";

/** What is about to happen, as admission sees it (k8s.io/apiserver/pkg/admission/interfaces.go, Attributes). */
export interface AdmissionAttributes {
  readonly operation: "CREATE" | "UPDATE" | "DELETE" | "CONNECT";
  readonly resource: Resource;
  /** "" for the main resource. */
  readonly subresource: string;
  /** "" when the name is still to be generated. */
  readonly name: string;
  /** "" for cluster-scoped resources. */
  readonly namespace: string;
  /** Mutating plugins change it in place or put another in its place. Absent on DELETE and CONNECT. */
  object?: KubeObject;
  readonly oldObject?: KubeObject;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /** The CreateOptions, UpdateOptions, PatchOptions or DeleteOptions. */
  readonly options: JsonObject;
  /** Adds a Warning header to the answer. */
  warn(text: string): void;
}

/**
 * One of the at most two passes over the mutating plugins: when a webhook changed the object, all of them run once
 * more (k8s.io/apiserver/pkg/admission/reinvocation.go).
 */
export interface MutationPass {
  readonly reinvocation: boolean;
  /** Asks for the second pass. */
  requestReinvocation(): void;
  /** What plugins remember from the first pass for the second, by plugin. */
  readonly memory: Map<AdmissionPlugin, unknown>;
}

/** A step of admission. Throws a StatusError to refuse. */
export interface AdmissionPlugin {
  readonly name: string;
  /** Runs for these operations only. */
  handles(attributes: AdmissionAttributes): boolean;
  mutate?(attributes: AdmissionAttributes, pass: MutationPass): void | Promise<void>;
  validate?(attributes: AdmissionAttributes): void | Promise<void>;
  /** The request is over, stored or not: what `mutate` holds for these very attributes can go. */
  settle?(attributes: AdmissionAttributes): void;
}

/** All steps in their order (chain.ts builds one). Both throw the StatusError of the first refusal. */
export interface AdmissionChain {
  /** Runs the mutating steps; fills in defaults again after each that may have changed the object. */
  mutate(attributes: AdmissionAttributes): Promise<void>;
  validate(attributes: AdmissionAttributes): Promise<void>;
  /** To be called once after each `mutate` of what is to be stored, when it is stored or will not be. */
  settle(attributes: AdmissionAttributes): void;
}
