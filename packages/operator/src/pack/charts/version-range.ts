import { ChartError } from "./chart-source.ts";

/** Chooses among versions. */
export interface VersionRange {
  /** The newest version that fits, as given; undefined when none does. */
  newest(versions: readonly string[]): string | undefined;
}

/** The longest range that is read. */
const maxLength = 256;
/** Remembered ranges of one chart. */
const maxChoices = 1000;

/**
 * Reads a version: exact ("4.15.2", with or without a "v"), a PEP 440 specifier ("~=0.1", ">=1,<2", "==1.*"), a semver
 * range ("^1.2", "1.x", "~1.4", ">=1 <2", "1 || 2"), or nothing or "*" for the newest. Pre-releases fit only where the
 * range itself names one. Versions are ordered as semver does.
 * Throws Error with what is wrong with it.
 */
export async function parseRange(version: string | undefined): Promise<VersionRange> {
  const [{ default: semver }, pep440] = await Promise.all([import("semver"), import("@renovatebot/pep440")]);
  const range = (version ?? "").trim();
  if (range.length > maxLength) throw new Error(`the version is longer than ${maxLength} characters`);

  const newestOf = (versions: readonly string[], fits: (version: string) => boolean) => {
    let newest: string | undefined;
    for (const candidate of versions) {
      if (!semver.valid(candidate) || !fits(candidate)) continue;
      if (newest === undefined || semver.compareBuild(candidate, newest) > 0) newest = candidate;
    }
    return newest;
  };

  const exact = /^=?\s*v?(\d+\.\d+\.\d+(?:-[\w.-]+)?(?:\+[\w.-]+)?)$/.exec(range)?.[1];
  if (exact !== undefined) {
    if (semver.valid(exact) === null) throw new Error(`"${range}" is not a version`);
    const plain = exact.split("+", 1)[0] as string;
    return {
      newest: (versions) =>
        versions.find((candidate) => candidate.replace(/^v/, "") === exact) ??
        (exact === plain ? newestOf(versions, (candidate) => semver.eq(candidate, plain)) : undefined),
    };
  }

  const bySemver = semver.validRange(range) !== null;
  // "1, <2" is semver's too, but a comma and "~=", "==", "!=" mean PEP 440.
  const asPep440 = /~=|==|!=|,/.test(range) || !bySemver;
  if (!asPep440) {
    const includePrerelease = /-[a-z0-9]/i.test(range.replace(/\s+-\s+/g, " "));
    const parsed = new semver.Range(range, { includePrerelease: false });
    const wide = new semver.Range(range, { includePrerelease });
    if (semver.minVersion(wide) === null) throw new Error(`no version can be in "${range}"`);
    return {
      newest: (versions) => newestOf(versions, (candidate) => (includePrerelease ? wide : parsed).test(candidate)),
    };
  }
  if (range === "" || !pep440.validRange(range)) {
    throw new Error(
      `"${range}" is neither a version ("1.2.3"), nor a PEP 440 specifier ("~=1.2", ">=1,<2"), nor a semver range ("^1.2", "1.x")`,
    );
  }
  const prereleases = /\d[-_.]?(a|b|c|rc|alpha|beta|pre|preview|dev)[-_.]?\d*/i.test(range);
  if (contradicts(range, pep440)) throw new Error(`no version can be in "${range}"`);
  return {
    newest: (versions) =>
      newestOf(versions, (candidate) => {
        const prerelease = semver.prerelease(candidate) !== null;
        if (prerelease && !prereleases) return false;
        const translated = asPep440Version(candidate, pep440);
        return translated !== undefined && pep440.satisfies(translated, range, { prereleases: prereleases });
      }),
  };
}

/** Remembers what was chosen among the versions of a chart, as long as their array is the same one. */
export class VersionChoices {
  readonly #chosen = new WeakMap<readonly string[], Map<string, string>>();

  /** As {@link chooseVersion}. */
  async choose(
    chart: string,
    version: string | undefined,
    available: readonly string[],
    where: string,
  ): Promise<string> {
    const known = this.#chosen.get(available)?.get(version ?? "");
    if (known !== undefined) return known;
    const chosen = await chooseVersion(chart, version, available, where);
    const choices = this.#chosen.get(available) ?? new Map<string, string>();
    this.#chosen.set(available, choices);
    // Ranges are few, but whoever writes Packs makes them up.
    if (choices.size < maxChoices) choices.set(version ?? "", chosen);
    return chosen;
  }
}

/** The newest version in a range. Throws ChartError that names what there is. */
export async function chooseVersion(
  chart: string,
  version: string | undefined,
  available: readonly string[],
  where: string,
): Promise<string> {
  let range: VersionRange;
  try {
    range = await parseRange(version);
  } catch (error) {
    throw new ChartError("InvalidVersion", `spec.chart.version: ${(error as Error).message}`, false);
  }
  const chosen = range.newest(available);
  if (chosen !== undefined) return chosen;
  const shown = available.slice(0, 10).join(", ") + (available.length > 10 ? `, … (${available.length} in all)` : "");
  const wanted = version === undefined || version === "" ? "that is no pre-release" : `in "${version}"`;
  throw new ChartError(
    "VersionNotFound",
    available.length === 0
      ? `${where} has no version of chart "${chart}"`
      : `${where} has no version of chart "${chart}" ${wanted}; there are ${shown}`,
    true,
  );
}

/** A semver version in PEP 440's notation; undefined where it has none ("1.0.0-foo"). Build metadata is left out. */
function asPep440Version(version: string, pep440: { valid(version: string): string | null }): string | undefined {
  const plain = version.replace(/^v/, "").split("+", 1)[0] as string;
  if (pep440.valid(plain) !== null) return plain;
  const dashed = /^(\d+\.\d+\.\d+)-([a-z]+)[.-]?(\d*)$/i.exec(plain);
  const translated = dashed === null ? undefined : `${dashed[1]}${dashed[2]}${dashed[3] || "0"}`;
  return translated !== undefined && pep440.valid(translated) !== null ? translated : undefined;
}

/** Whether the lower bounds of a specifier lie above its upper ones. */
function contradicts(
  range: string,
  pep440: { gt(a: string, b: string): boolean; eq(a: string, b: string): boolean },
): boolean {
  const bounds = range.split(",").flatMap((part) => {
    const match = /^\s*(>=|<=|>|<|~=|==)\s*([\w.+!-]+?)(\.\*)?\s*$/.exec(part);
    return match === null ? [] : [{ operator: match[1] as string, version: match[2] as string, prefix: match[3] }];
  });
  const lower = bounds.filter(({ operator }) => operator !== "<" && operator !== "<=");
  const upper = bounds.filter(
    ({ operator, prefix }) => operator === "<" || operator === "<=" || (operator === "==" && !prefix),
  );
  return lower.some((low) =>
    upper.some(
      (high) =>
        pep440.gt(low.version, high.version) ||
        (pep440.eq(low.version, high.version) && (low.operator === ">" || high.operator === "<")),
    ),
  );
}
