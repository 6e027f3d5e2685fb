/** "$(NAME)" in values, commands and paths (k8s.io/kubernetes/third_party/forked/golang/expansion). */
import type { Container } from "../../kinds.ts";

export interface EnvVar {
  name: string;
  value: string;
}

/** Replaces each "$(NAME)" by what `lookUp` gives; undefined leaves it. "$$" is a "$" that begins nothing. */
export function expand(text: string, lookUp: (name: string) => string | undefined): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (all, name: string | undefined) =>
    name === undefined ? "$" : (lookUp(name) ?? all),
  );
}

/** The same with variables by name. */
export function expandVariables(text: string, variables: Readonly<Record<string, string>>): string {
  return expand(text, (name) => (Object.hasOwn(variables, name) ? variables[name] : undefined));
}

/** The container's command and arguments with its variables in them; undefined: the image's. */
export function expandCommand(
  container: Container,
  env: readonly EnvVar[],
): { command: string[] | undefined; args: string[] | undefined } {
  const values = new Map(env.map(({ name, value }) => [name, value]));
  const expanded = (words: string[] | undefined): string[] | undefined =>
    words === undefined || words.length === 0
      ? undefined
      : words.map((word) => expand(word, (name) => values.get(name)));
  return { command: expanded(container.command), args: expanded(container.args) };
}

/** A mount's subPathExpr with the container's variables. Throws when one of them is not there or empty. */
export function expandSubPath(expression: string, env: readonly EnvVar[]): string {
  const values = new Map(env.map(({ name, value }) => [name, value]));
  const missing = new Set<string>();
  const path = expand(expression, (name) => {
    const value = values.get(name) ?? "";
    if (value === "") missing.add(name);
    return value;
  });
  if (missing.size > 0) throw new Error(`missing value for ${[...missing].sort().join(", ")}`);
  return path;
}
