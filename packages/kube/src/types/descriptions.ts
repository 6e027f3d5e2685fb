import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** What a type and its fields are, in the words of the kubernetes-types package; "" and nothing for what it lacks. */
export interface TypeDescription {
  description: string;
  /** By JSON name. */
  fields: Readonly<Record<string, string>>;
}

const nothing: TypeDescription = { description: "", fields: {} };
const memo = new Map<string, ReadonlyMap<string, TypeDescription>>();

/**
 * The documentation of a struct, e.g. "io.k8s.api.core.v1.PodSpec", read from the doc comments of kubernetes-types
 * when first asked for. The package is older (1.30) than the table: a type that was not generally available then is
 * looked for in its earlier versions, and newer fields have no text.
 */
export function describeType(structName: string): TypeDescription {
  const dot = structName.lastIndexOf(".");
  const name = structName.slice(dot + 1);
  for (const file of declarationFiles(structName.slice(0, dot))) {
    const found = readDeclarations(file).get(name);
    if (found !== undefined) return withCommonFields(found);
  }
  return withCommonFields(nothing);
}

/** Every object has these three, and every type says the same of them. */
function withCommonFields(type: TypeDescription): TypeDescription {
  const common = readDeclarations("core/v1").get("PodTemplate")?.fields ?? {};
  const { apiVersion = "", kind = "", metadata = "" } = common;
  return { description: type.description, fields: { apiVersion, kind, metadata, ...type.fields } };
}

/** "io.k8s.api.core.v1" → core/v1; earlier versions of the group follow. */
function declarationFiles(packageName: string): string[] {
  if (packageName === "io.k8s.apimachinery.pkg.api.resource") return ["api/resource"];
  if (packageName === "io.k8s.apimachinery.pkg.runtime") return ["runtime"];
  if (packageName === "io.k8s.apimachinery.pkg.version") return ["version"];
  const [group, version] = packageName.split(".").slice(-2);
  return [version, "v1beta1", "v1alpha2", "v1alpha1"].map((candidate) => `${group}/${candidate}`);
}

function readDeclarations(file: string): ReadonlyMap<string, TypeDescription> {
  const known = memo.get(file);
  if (known !== undefined) return known;
  const declarations = parseDeclarations(readPackageFile(`${file}.d.ts`));
  memo.set(file, declarations);
  return declarations;
}

function readPackageFile(path: string): string {
  try {
    const manifest = createRequire(import.meta.url).resolve("kubernetes-types/package.json");
    return readFileSync(join(dirname(manifest), path), "utf8");
  } catch {
    return "";
  }
}

const declaration = /^export (?:interface|type) (\w+)/;
const member = /^ {4}(?:readonly )?"?([$\w-]+)"?\??:/;

/** Takes the comment before each declaration and each of its members; the package's files are generated and all alike. */
export function parseDeclarations(text: string): Map<string, TypeDescription> {
  const types = new Map<string, TypeDescription>();
  let fields: Record<string, string> = {};
  let comment: string[] | undefined;
  let inComment = false;
  const takeComment = (): string => {
    const taken = comment?.join("\n").trim() ?? "";
    comment = undefined;
    return taken;
  };
  for (const line of text.split("\n")) {
    const trimmed = line.trim();
    if (!inComment && trimmed.startsWith("/**")) {
      inComment = true;
      comment = [];
    }
    if (inComment) {
      inComment = !trimmed.endsWith("*/");
      comment?.push(commentText(trimmed));
      continue;
    }
    const typeName = declaration.exec(line)?.[1];
    if (typeName !== undefined) {
      fields = {};
      types.set(typeName, { description: takeComment(), fields });
      continue;
    }
    const fieldName = member.exec(line)?.[1];
    if (fieldName !== undefined) {
      const description = takeComment();
      if (description !== "") fields[fieldName] = description;
    }
  }
  return types;
}

function commentText(line: string): string {
  return line
    .replace(/^\/\*\* ?/, "")
    .replace(/ ?\*\/$/, "")
    .replace(/^\* ?/, "");
}
