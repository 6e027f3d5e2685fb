/** Tells whether a text fits a glob: "*" stands for any number of letters, "?" for one. Linear in time. */
export function matchesGlob(glob: string, text: string): boolean {
  let at = 0;
  let from = 0;
  let star = -1;
  let resume = 0;
  while (at < text.length) {
    if (from < glob.length && (glob[from] === "?" || (glob[from] === text[at] && glob[from] !== "*"))) {
      from++;
      at++;
    } else if (glob[from] === "*") {
      star = from++;
      resume = at;
    } else if (star >= 0) {
      from = star + 1;
      at = ++resume;
    } else return false;
  }
  while (glob[from] === "*") from++;
  return from === glob.length;
}

/** Whether any of the globs fits. */
export function matchesAny(globs: readonly string[], text: string): boolean {
  return globs.some((glob) => matchesGlob(glob, text));
}

/** Whether it is no plain name. */
export function isGlob(text: string): boolean {
  return /[*?]/.test(text);
}
