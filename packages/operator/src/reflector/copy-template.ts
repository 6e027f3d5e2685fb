import { quote } from "@podwright/kube";

/** What a template can name. */
export interface TemplateNames {
  /** The source's. */
  name: string;
  namespace: string;
  /** The copy's namespace. */
  targetNamespace: string;
  /** The source's values as text; absent where they may not be used. */
  data?: ReadonlyMap<string, string>;
}

/** A template that cannot be read, or names what is not there. Its message has no value in it. */
export class TemplateError extends Error {}

type Part = string | { name: "name" | "namespace" | "targetNamespace" | "data"; key?: string; filters: Filter[] };
type Filter = (text: string) => string;

/** A template that was read. */
export interface CopyTemplate {
  render(names: TemplateNames): string;
  /** Whether copies of different namespaces may differ. */
  usesTarget: boolean;
  usesName: boolean;
}

const filters: Readonly<Record<string, Filter>> = {
  trim: (text) => text.trim(),
  lower: (text) => text.toLowerCase(),
  upper: (text) => text.toUpperCase(),
  base64: (text) => Buffer.from(text).toString("base64"),
  urlencode: encodeURIComponent,
  tojson: (text) => JSON.stringify(text),
};

const expression =
  /^(?:(name|namespace|targetNamespace)|data\.([A-Za-z_]\w*)|data\[(?:"([-._A-Za-z0-9]+)"|'([-._A-Za-z0-9]+)')\])\s*((?:\|\s*\w+\s*)*)$/;

/**
 * Reads "user={{ data.username }}:{{ data[\"pass.word\"] | base64 }}". There are no statements: nothing but names and
 * filters. `withData` false: for the name of a copy.
 * @throws {TemplateError}
 */
export function parseCopyTemplate(text: string, withData: boolean): CopyTemplate {
  const parts: Part[] = [];
  let at = 0;
  for (let open = text.indexOf("{{"); open >= 0; open = text.indexOf("{{", at)) {
    const close = text.indexOf("}}", open);
    if (close < 0) throw new TemplateError(`${quote(text.slice(open, open + 40))}: "}}" is missing`);
    if (open > at) parts.push(text.slice(at, open));
    parts.push(parseExpression(text.slice(open + 2, close).trim(), withData));
    at = close + 2;
  }
  if (at < text.length) parts.push(text.slice(at));
  const uses = (name: string) => parts.some((part) => typeof part !== "string" && part.name === name);
  return {
    render: (names) => parts.map((part) => renderPart(part, names)).join(""),
    usesTarget: uses("targetNamespace"),
    usesName: uses("name"),
  };
}

function parseExpression(text: string, withData: boolean): Part {
  const names = `name, namespace, targetNamespace${withData ? ', data.KEY or data["KEY"]' : ""}`;
  const match = expression.exec(text);
  if (match === null) throw new TemplateError(`${quote(`{{ ${text} }}`)}: must be ${names}, and filters after "|"`);
  const [, name, ...rest] = match;
  const key = rest[0] ?? rest[1] ?? rest[2];
  if (key !== undefined && !withData) throw new TemplateError(`${quote(`{{ ${text} }}`)}: must be ${names}`);
  const applied = (rest[3] ?? "")
    .split("|")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => {
      const filter = Object.hasOwn(filters, part) ? filters[part] : undefined;
      if (filter !== undefined) return filter;
      throw new TemplateError(
        `${quote(`{{ ${text} }}`)}: no such filter ${quote(part)}: ${Object.keys(filters).join(", ")}`,
      );
    });
  if (key !== undefined) return { name: "data", key, filters: applied };
  return { name: name as "name", filters: applied };
}

function renderPart(part: Part, names: TemplateNames): string {
  if (typeof part === "string") return part;
  const value = part.name === "data" ? names.data?.get(part.key as string) : names[part.name];
  if (value === undefined) throw new TemplateError(`the source has no key ${quote(part.key as string)}`);
  return part.filters.reduce((text, filter) => filter(text), value);
}
