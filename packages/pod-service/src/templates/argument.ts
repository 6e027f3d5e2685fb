import type { JsonObject } from "@podwright/kube";

/**
 * The text to write into a container's command or args so that the container gets `text` itself: kubelets replace
 * `$(NAME)` by the value of a variable the container has, and `$$` by `$`
 * (k8s.io/kubernetes/third_party/forked/golang/expansion/expand.go). Where that would change the text, each `$` is
 * doubled; everywhere else it is written as it is.
 */
export function literalArgument(text: string, container: JsonObject): string {
  return wouldChange(text, container) ? text.replaceAll("$", "$$$$") : text;
}

function wouldChange(text: string, container: JsonObject): boolean {
  if (text.includes("$$")) return true;
  for (const [, name = ""] of text.matchAll(/\$\(([^)]*)\)/g)) if (mayBeVariable(name, container)) return true;
  return false;
}

function mayBeVariable(name: string, container: JsonObject): boolean {
  const env = (container["env"] ?? []) as { name?: string }[];
  if (Array.isArray(env) && env.some((variable) => variable?.name === name)) return true;
  const isName = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(name);
  if (isName && Array.isArray(container["envFrom"]) && container["envFrom"].length > 0) return true;
  // What each Service of the namespace gives to containers.
  return /^[A-Z0-9_]+_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[A-Z0-9_]+)?)$/.test(name);
}
