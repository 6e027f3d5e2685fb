import type { PodTemplate } from "../../kinds.ts";

const alphabet = "bcdfghjklmnpqrstvwxz2456789";

/**
 * The value of the label pod-template-hash: FNV-1a of the template in upstream's alphabet. It is stable, but
 * not upstream's own value, which hangs on Go's way to print a struct (controller_utils.go, ComputeHash).
 */
export function templateHash(template: PodTemplate, collisionCount: number | undefined): string {
  return contentHash(template, collisionCount);
}

/** As {@link templateHash}, of any content. */
export function contentHash(content: unknown, collisionCount: number | undefined): string {
  let hash = 0x811c9dc5;
  const text = stableJson(content) + (collisionCount === undefined ? "" : `#${collisionCount}`);
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return [...String(hash >>> 0)].map((digit) => alphabet[digit.charCodeAt(0) % alphabet.length]).join("");
}

/** JSON with sorted keys, without what means the same as absence. */
export function stableJson(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) => {
    if (typeof part === "bigint") return Number(part);
    if (part === null || typeof part !== "object" || Array.isArray(part)) return part ?? undefined;
    const sorted: Record<string, unknown> = {};
    for (const name of Object.keys(part).sort()) {
      const child = (part as Record<string, unknown>)[name];
      if (!isEmpty(child)) sorted[name] = child;
    }
    return sorted;
  });
}

/** Not so `{}`: an empty selector is another than none. */
function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || (Array.isArray(value) && value.length === 0);
}

/** The same template, whatever its hash label (deployment/util, EqualIgnoreHash). */
export function sameTemplate(a: PodTemplate, b: PodTemplate): boolean {
  return stableJson(withoutHash(a)) === stableJson(withoutHash(b));
}

function withoutHash(template: PodTemplate): PodTemplate {
  if (template.metadata?.labels?.["pod-template-hash"] === undefined) return template;
  const { "pod-template-hash": _hash, ...labels } = template.metadata.labels;
  return { ...template, metadata: { ...template.metadata, labels } };
}
