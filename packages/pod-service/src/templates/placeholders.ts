/** What stands for a placeholder. */
export type PlaceholderValues = Readonly<Record<string, string | number | boolean>>;

const named = /\{([A-Za-z_][A-Za-z0-9_]*)\}/g;
const anyPlaceholder = /\{([A-Za-z_][A-Za-z0-9_]*|\d*)\}/g;

/**
 * Puts values in the place of `{name}`. One pass: what is put in is not looked at again. Names without a value are
 * left as they are, so that `${HOME}` of a shell survives. A text that is nothing but one placeholder becomes the
 * value itself: a number stays a number.
 */
export function fillNamed(text: string, values: PlaceholderValues): string | number | boolean {
  const whole = /^\{([A-Za-z_][A-Za-z0-9_]*)\}$/.exec(text)?.[1];
  if (whole !== undefined && Object.hasOwn(values, whole)) return values[whole]!;
  if (!text.includes("{")) return text;
  return text.replace(named, (match, name: string) => (Object.hasOwn(values, name) ? String(values[name]) : match));
}

/** The same, and `{}`, `{0}`, `{1}` as Python's format takes them: the positional values in their order. */
export function fillPositional(text: string, positional: readonly string[], values: PlaceholderValues): string {
  let next = 0;
  return text.replace(anyPlaceholder, (match, name: string) => {
    if (name === "" || /^\d+$/.test(name)) return positional[name === "" ? next++ : Number(name)] ?? match;
    return Object.hasOwn(values, name) ? String(values[name]) : match;
  });
}

/** Whether a text has a placeholder of that name. */
export function names(text: string, name: string): boolean {
  return text.includes(`{${name}}`);
}

/** Whether a text has placeholders without names. */
export function isPositional(text: string): boolean {
  return /\{\d*\}/.test(text);
}
