/** Annotation of a workload: the contents its pods were started with, as hashes. Written by the operator. */
export const stateKey = "podwright.dev/redeploy-state";

/** What a workload has seen of the ConfigMaps and Secrets it watches. */
export interface RedeployState {
  /** Of the key that the hashes were made with. */
  keyId: string;
  /** By reference: "configmap/a#level". */
  seen: Readonly<Record<string, string>>;
}

/** The state in an annotation, or undefined when there is none that can be read with the key. */
export function parseState(text: string | undefined, keyId: string): RedeployState | undefined {
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const state = value as Partial<RedeployState> | null;
  if (state?.keyId !== keyId || typeof state.seen !== "object" || state.seen === null) return undefined;
  return { keyId, seen: state.seen };
}

/** The annotation of a state; equal states give equal texts. */
export function formatState({ keyId, seen }: RedeployState): string {
  const sorted = Object.fromEntries(Object.entries(seen).sort(([a], [b]) => (a < b ? -1 : 1)));
  return JSON.stringify({ keyId, seen: sorted });
}

/** What a look at the contents means for a workload. */
export interface Comparison {
  next: RedeployState;
  /** The references whose content is another than the pods have. */
  changed: string[];
}

/**
 * Compares what a workload has seen with what there is now (undefined: it is not there). What was never seen is
 * taken down and changes nothing; what is gone is remembered, so that it may come back as it was.
 */
export function compareState(
  recorded: RedeployState | undefined,
  current: ReadonlyMap<string, string | undefined>,
  keyId: string,
): Comparison {
  const seen: Record<string, string> = {};
  const changed: string[] = [];
  for (const [reference, hash] of current) {
    const before =
      recorded !== undefined && Object.hasOwn(recorded.seen, reference) ? recorded.seen[reference] : undefined;
    const after = hash ?? before;
    if (after !== undefined) seen[reference] = after;
    if (before !== undefined && hash !== undefined && before !== hash) changed.push(reference);
  }
  return { next: { keyId, seen }, changed };
}
