import type { DocumentOptions, ParseOptions, SchemaOptions } from "yaml";

/** YAML as helm reads it: version 1.1, where `yes` is true; but times and sexagesimal numbers are text (sigs.k8s.io/yaml). */
export const helmYaml: DocumentOptions & SchemaOptions & ParseOptions = {
  version: "1.1",
  logLevel: "error",
  customTags: (tags) =>
    tags.filter(
      (tag) =>
        typeof tag === "string" || !(tag.tag.endsWith(":timestamp") || ("format" in tag && tag.format === "TIME")),
    ),
};
