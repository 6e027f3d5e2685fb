import { formatTime } from "@podwright/kube";
import { type Candidate, sameContent, shortId } from "./image.ts";
import { allowsTag, type Policy } from "./policy.ts";
import { familiarName, formatReference, type Reference, tryReference, withTag } from "./reference.ts";
import { versionOfTag } from "./version.ts";

/** A container of a pod template. */
export interface ContainerFacts {
  name: string;
  /** As the template has it. */
  image: string;
  pullPolicy: "Always" | "IfNotPresent" | "Never";
  /** The content its pods were restarted for, from the template's annotation. */
  pinnedId?: string;
}

/** What a pod runs in the container. */
export interface RunningImage {
  /** Absent as long as the pod does not tell. */
  id?: string;
  /** The id names the manifest in this repository, as nodes tell of images from registries. */
  fromRepository: boolean;
  startedAt: number;
}

/** All that a decision is made from. */
export interface Situation {
  container: ContainerFacts;
  policy: Policy;
  allowDowngrade: boolean;
  /** The images of the container's repository. */
  candidates: readonly Candidate[];
  running: readonly RunningImage[];
  /** What a person set is kept until something appears after it: when the template was set, in ms since 1970. */
  baselineAt: number;
  /** Contents that a person asked for again, whenever they came. */
  retriedIds: ReadonlySet<string>;
  /** Contents that are not tried again. */
  refusedIds: ReadonlySet<string>;
  /** The nodes that its pods may come to. */
  nodes: readonly string[];
  /** Whether somebody else's pod asked for the image before it appeared: then it was pulled for that one. */
  claimed(candidate: Candidate): boolean;
}

export interface Skipped {
  candidate: Candidate;
  why: string;
}

export type Decision = { skipped: Skipped[] } & (
  | { do: "nothing" }
  /** Something keeps it from being rolled out now. */
  | { do: "wait"; to: Candidate; why: string }
  /** `image` for the template; the same text as now when it is the content under the tag that is new. */
  | { do: "roll"; to: Candidate; image: string; why: string }
);

/** What to do about a container. Looks at nothing but what it is given. */
export function decide(situation: Situation): Decision {
  const { container, policy, candidates } = situation;
  const current = tryReference(container.image);
  // A digest is somebody's word for exactly this content.
  if (policy.kind === "off" || current === undefined || current.digest !== undefined) return nothing();
  const skipped: Skipped[] = [];
  const other = otherTag(situation, current, skipped);
  const own = latest(candidates.filter(({ name }) => name === formatReference(current)));
  if (other !== undefined) {
    const held = obstacle(situation, other);
    if (held !== undefined) return { do: "wait", to: other, why: held, skipped };
    const image = withTag(container.image, other.reference.tag as string);
    return { do: "roll", to: other, image, why: policy.text, skipped };
  }
  if (own === undefined || !isStale(situation, own)) return { ...nothing(), skipped };
  const held = obstacle(situation, own) ?? notPulledAgain(container, own);
  if (held !== undefined) return { do: "wait", to: own, why: held, skipped };
  return { do: "roll", to: own, image: container.image, why: "new content under its tag", skipped };
}

function nothing(): Decision {
  return { do: "nothing", skipped: [] };
}

/** The image under another tag that the policy wants. */
function otherTag(situation: Situation, current: Reference, skipped: Skipped[]): Candidate | undefined {
  const { policy, candidates, running, baselineAt, refusedIds, allowDowngrade } = situation;
  const currentName = formatReference(current);
  const own = candidates.filter(({ name }) => name === currentName);
  const isRunning = (candidate: Candidate) =>
    own.some(({ ids }) => sameContent(ids, candidate.ids)) ||
    (running.length > 0 && running.every(({ id }) => id !== undefined && candidate.ids.includes(id)));
  const allowed = candidates.filter(
    (candidate) =>
      candidate.name !== currentName &&
      allowsTag(policy, candidate.reference.tag as string) &&
      !isRunning(candidate) &&
      !candidate.ids.some((id) => refusedIds.has(id)),
  );
  if (policy.kind === "semver") return highest(allowed, current, allowDowngrade);
  const runs = runningBuild(situation, own);
  // What came before the image that the template names is no news.
  const since = Math.max(baselineAt, latest(own)?.appearedAt ?? 0);
  const appeared = allowed.filter(
    (candidate) =>
      candidate.ids.some((id) => situation.retriedIds.has(id)) ||
      (candidate.appearedAt > since && !situation.claimed(candidate)),
  );
  return latest(
    appeared.filter((candidate) => {
      const why = allowDowngrade ? undefined : downgrade(candidate, current, runs);
      if (why !== undefined) skipped.push({ candidate, why });
      return why === undefined;
    }),
  );
}

function latest(candidates: readonly Candidate[]): Candidate | undefined {
  return candidates.toSorted(
    (a, b) => b.appearedAt - a.appearedAt || (b.builtAt ?? 0) - (a.builtAt ?? 0) || (a.name < b.name ? 1 : -1),
  )[0];
}

function highest(candidates: readonly Candidate[], current: Reference, allowDowngrade: boolean): Candidate | undefined {
  const versions = candidates
    .map((candidate) => ({ candidate, version: versionOfTag(candidate.reference.tag as string) }))
    .toSorted(
      (a, b) =>
        (a.version && b.version ? b.version.compare(a.version) : 0) || b.candidate.appearedAt - a.candidate.appearedAt,
    );
  const best = versions[0];
  const now = versionOfTag(current.tag as string);
  if (best?.version === undefined || now === undefined) return best?.candidate;
  return best.version.compare(now) > 0 || (allowDowngrade && best.version.compare(now) < 0)
    ? best.candidate
    : undefined;
}

/** When what runs was built, if it is known. */
function runningBuild({ running, candidates }: Situation, own: readonly Candidate[]): number | undefined {
  const ids = new Set(running.flatMap(({ id }) => (id === undefined ? [] : [id])));
  const known = candidates.find((candidate) => candidate.ids.some((id) => ids.has(id))) ?? own[0];
  return known?.builtAt;
}

/** Why the candidate is a step back, if it is. */
function downgrade(candidate: Candidate, current: Reference, runningBuiltAt: number | undefined): string | undefined {
  const from = versionOfTag(current.tag as string);
  const to = versionOfTag(candidate.reference.tag as string);
  if (from !== undefined && to !== undefined) {
    return to.compare(from) < 0 ? `${to.version} is lower than ${from.version}` : undefined;
  }
  if (runningBuiltAt === undefined || candidate.builtAt === undefined || candidate.builtAt >= runningBuiltAt) {
    return undefined;
  }
  return `it was built at ${formatTime(candidate.builtAt)}, what runs at ${formatTime(runningBuiltAt)}`;
}

/** Whether pods run what the container's own tag meant before. */
function isStale({ container, running, candidates, refusedIds }: Situation, own: Candidate): boolean {
  if (own.ids.some((id) => refusedIds.has(id))) return false;
  if (container.pinnedId !== undefined && own.ids.includes(container.pinnedId)) return false;
  const known = new Set(candidates.flatMap(({ ids, replacedIds = [] }) => [...ids, ...replacedIds]));
  return running.some(({ id, fromRepository, startedAt }) => {
    if (id === undefined || own.ids.includes(id)) return false;
    // What a registry has is told by the digest that the node pulled it with, and can be compared with no other.
    if (own.source === "registry") return fromRepository;
    return known.has(id) || (own.replacedIds !== undefined && startedAt < own.appearedAt);
  });
}

/** What keeps nodes from running it. */
function obstacle({ container, nodes }: Situation, candidate: Candidate): string | undefined {
  const onlyThere = candidate.source === "registry" || candidate.nodes === undefined;
  if (container.pullPolicy === "Never" && candidate.source === "registry") {
    return `imagePullPolicy is Never, and ${familiarName(candidate.reference)} is only in its registry`;
  }
  if (container.pullPolicy === "Always" || onlyThere || (candidate.pullable && container.pullPolicy !== "Never")) {
    return undefined;
  }
  const lacking = nodes.filter((node) => candidate.nodes?.has(node) !== true);
  if (lacking.length === 0 && candidate.nodes?.size !== 0) return undefined;
  const shown = lacking.slice(0, 5).join(", ") + (lacking.length > 5 ? ` and ${lacking.length - 5} more` : "");
  const name = `${familiarName(candidate.reference)} (${shortId(candidate.ids[0] as string)})`;
  if (candidate.outside !== undefined && candidate.nodes?.size === 0) {
    return `${name} is in containerd's namespace ${candidate.outside}, where nodes do not look: bring it to k8s.io, or use --sync`;
  }
  return `${name} is not on ${lacking.length === 1 ? "the node" : "the nodes"} ${shown}`;
}

function notPulledAgain({ pullPolicy }: ContainerFacts, candidate: Candidate): string | undefined {
  if (candidate.source !== "registry" || pullPolicy === "Always") return undefined;
  return `the registry has new content, but with imagePullPolicy ${pullPolicy} nodes do not pull a tag they have`;
}
