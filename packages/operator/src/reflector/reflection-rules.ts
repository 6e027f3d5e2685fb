import {
  isDns1123Label,
  isDns1123Subdomain,
  type KubeObject,
  type LabelSelector,
  labelSelectorFromObject,
  quote,
} from "@podwright/kube";
import type { ContentEntry, ContentKind } from "../content/content-index.ts";
import { type CopyTemplate, parseCopyTemplate } from "./copy-template.ts";
import { matchesAny } from "./glob.ts";
import { type NamespaceSet, pullKey, reflectorKey, type SecretReflector } from "./secret-reflector.ts";

/** A reflector's spec, ready to be asked. */
export interface ReflectionRules {
  kind: ContentKind;
  /** "secret/registry", or "secret (app=web)". */
  source: string;
  /** Of one source by name; else `isSource` decides. */
  sourceName: string | undefined;
  isSource(entry: ContentEntry): boolean;
  /** Whether a namespace is to have copies: because it is a target, or because it asks and may. */
  wants(namespace: KubeObject): boolean;
  /** Whether a namespace asks and may not. */
  denies(namespace: KubeObject): boolean;
  name: CopyTemplate;
  template: ReadonlyMap<string, CopyTemplate>;
}

/** Reads a spec. Throws SelectorError or TemplateError for what the webhook would have refused. */
export function reflectionRules(reflector: SecretReflector): ReflectionRules {
  const { spec, metadata } = reflector;
  const kind: ContentKind = spec.secret === undefined ? "ConfigMap" : "Secret";
  const reference = spec.secret ?? spec.configMap ?? {};
  const sourceName = reference.name;
  const selector = sourceName === undefined ? labelSelectorFromObject(reference.selector) : undefined;
  const own = metadata.namespace as string;
  const name = parseCopyTemplate(spec.copy?.name ?? "{{ name }}", false);
  const isTarget = namespaceMatcher(spec.targets, own);
  const mayPull = namespaceMatcher(spec.allow, own);
  const pulls = (namespace: KubeObject) => pulledBy(namespace).includes(`${own}/${metadata.name}`);
  return {
    kind,
    source: sourceName === undefined ? `${kind.toLowerCase()} (${selector})` : `${kind.toLowerCase()}/${sourceName}`,
    sourceName,
    isSource: (entry) =>
      entry.deleting !== true &&
      // What a selector finds must not be a copy: it would go round for ever.
      (sourceName !== undefined
        ? entry.name === sourceName
        : (selector as LabelSelector).matches(entry.labels) && entry.annotations[reflectorKey] === undefined),
    wants: (namespace) => isTarget(namespace) || (pulls(namespace) && mayPull(namespace)),
    denies: (namespace) => pulls(namespace) && !mayPull(namespace) && !isTarget(namespace),
    name,
    template: new Map(
      Object.entries(spec.copy?.template ?? {}).map(([key, text]) => [key, parseCopyTemplate(text, true)]),
    ),
  };
}

/** The reflectors a namespace asks, as NAMESPACE/NAME. */
export function pulledBy(namespace: KubeObject): string[] {
  const text = namespace.metadata.annotations?.[pullKey];
  return text === undefined ? [] : segmentsOf(text);
}

/** What is wrong with a namespace's annotation; undefined when nothing is, or it has none. */
export function pullProblem(namespace: KubeObject): string | undefined {
  for (const segment of segmentsOf(namespace.metadata.annotations?.[pullKey] ?? "")) {
    const wrong = (why: string) => `metadata.annotations[${pullKey}]: ${quote(segment)}: ${why}`;
    const [from = "", name = "", ...rest] = segment.split("/");
    if (from === "" || name === "" || rest.length > 0) return wrong("must be NAMESPACE/NAME of a SecretReflector");
    const [wrongNamespace] = isDns1123Label(from);
    if (wrongNamespace !== undefined) return wrong(`${quote(from)} is no name of a namespace: ${wrongNamespace}`);
    const [wrongName] = isDns1123Subdomain(name);
    if (wrongName !== undefined) return wrong(`${quote(name)} is no name of a SecretReflector: ${wrongName}`);
  }
  return undefined;
}

function segmentsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((each) => each !== "");
}

/** `own`, the sources' namespace, is meant only where it is named. */
function namespaceMatcher(set: NamespaceSet | undefined, own: string): (namespace: KubeObject) => boolean {
  const { namespaces = [], exclude = [] } = set ?? {};
  const selector = labelSelectorFromObject(set?.namespaceSelector);
  return ({ metadata }) => {
    const name = metadata.name as string;
    if (metadata.deletionTimestamp !== undefined || matchesAny(exclude, name)) return false;
    if (name === own) return namespaces.includes(name);
    return matchesAny(namespaces, name) || selector.matches(metadata.labels);
  };
}
