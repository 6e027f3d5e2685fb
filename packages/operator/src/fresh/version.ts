import semver, { type SemVer } from "semver";

/** The version that a tag is: "1.2.3", "v1.2", "2-alpine" (with -alpine as its pre-release); undefined for others. */
export function versionOfTag(tag: string): SemVer | undefined {
  const parts = /^v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:-([0-9A-Za-z.-]+))?$/.exec(tag);
  if (parts === null) return undefined;
  const [, major, minor = "0", patch = "0", rest] = parts;
  const numbers = [major, minor, patch].map((text) => Number(text)).join(".");
  return semver.parse(rest === undefined ? numbers : `${numbers}-${rest}`) ?? undefined;
}
