const keywords: ReadonlySet<string> = new Set(
  "true false null in as break const continue else for function if import let loop package namespace return void while var".split(
    " ",
  ),
);

/**
 * The name that a field has in a CEL expression; undefined for one that cannot be named
 * (k8s.io/apiserver/pkg/cel/escaping.go).
 */
export function celIdentifier(field: string): string | undefined {
  if (!/^[A-Za-z_./-][A-Za-z0-9_./-]*$/.test(field)) return undefined;
  if (keywords.has(field)) return `__${field}__`;
  return field.replace(/__|[./-]/g, (found) => `__${words[found]}__`);
}

const words: Readonly<Record<string, string>> = { __: "underscores", ".": "dot", "-": "dash", "/": "slash" };
