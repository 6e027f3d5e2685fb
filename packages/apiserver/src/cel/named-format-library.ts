import {
  formatCheck,
  isDns1035Label,
  isDns1123Label,
  isDns1123Subdomain,
  isLabelValue,
  isQualifiedName,
} from "@podwright/kube";
import type { Environment } from "./environment.ts";
import { optionalOf } from "./optional-value.ts";

/** A format that texts are checked for. */
export class NamedFormat {
  readonly errors: (text: string) => string[];
  /** How long its pattern is taken to be, for costs. */
  readonly patternSize: number;
  constructor(errors: (text: string) => string[], patternSize: number) {
    this.errors = errors;
    this.patternSize = patternSize;
  }
}

class FormatNamespace {}

const type = "kubernetes.NamedFormat";
const namespace = "kubernetes.formats";

/** format.dns1123Label() and the others, format.named(), validate() (k8s.io/apiserver/pkg/cel/library/format.go). */
export function registerNamedFormats(environment: Environment): Environment {
  const formats = namedFormats();
  environment
    .registerType(type, { ctor: NamedFormat, fields: {} })
    .registerOperator(`${type} == ${type}`, Object.is)
    .registerType(namespace, { ctor: FormatNamespace, fields: {} })
    .registerConstant("format", namespace, new FormatNamespace())
    .registerFunction(`${namespace}.named(string): optional<${type}>`, (_formats: FormatNamespace, name: string) =>
      optionalOf(formats.get(name)),
    )
    .registerFunction(`${type}.validate(string): optional<list<string>>`, (format: NamedFormat, text: string) => {
      const errors = format.errors(text);
      return optionalOf(errors.length === 0 ? undefined : errors);
    });
  for (const [name, format] of formats) environment.registerFunction(`${namespace}.${name}(): ${type}`, () => format);
  return environment;
}

function namedFormats(): ReadonlyMap<string, NamedFormat> {
  const prefixOf = (errors: (text: string) => string[]) => (text: string) =>
    errors(text.length > 1 && text.endsWith("-") ? `${text.slice(0, -2)}a` : text);
  const checked = (format: string, error: (text: string) => string) => (text: string) =>
    formatCheck(format)?.(text) === true ? [] : [error(text)];
  const uriError = (text: string): string => `parse ${JSON.stringify(text)}: ${uriProblem(text)}`;
  return new Map([
    ["dns1123Label", new NamedFormat(isDns1123Label, 30)],
    ["dns1123Subdomain", new NamedFormat(isDns1123Subdomain, 60)],
    ["dns1035Label", new NamedFormat(isDns1035Label, 30)],
    ["qualifiedName", new NamedFormat(isQualifiedName, 60)],
    ["dns1123LabelPrefix", new NamedFormat(prefixOf(isDns1123Label), 30)],
    ["dns1123SubdomainPrefix", new NamedFormat(prefixOf(isDns1123Subdomain), 60)],
    ["dns1035LabelPrefix", new NamedFormat(prefixOf(isDns1035Label), 30)],
    ["labelValue", new NamedFormat(isLabelValue, 40)],
    ["uri", new NamedFormat(checked("uri", uriError), 1103)],
    [
      "uuid",
      new NamedFormat(
        checked("uuid", () => "does not match the UUID format"),
        70,
      ),
    ],
    [
      "byte",
      new NamedFormat(
        checked("byte", () => "invalid base64"),
        84,
      ),
    ],
    [
      "date",
      new NamedFormat(
        checked("date", () => "invalid date"),
        71,
      ),
    ],
    [
      "datetime",
      new NamedFormat(
        checked("datetime", () => "invalid datetime"),
        71,
      ),
    ],
  ]);
}

/** What url.ParseRequestURI says of the commonest wrong ones. */
function uriProblem(text: string): string {
  if (text === "") return "empty url";
  const isControl = [...text].some((each) => each < " " || each === "\x7f");
  return isControl ? "net/url: invalid control character in URL" : "invalid URI for request";
}
