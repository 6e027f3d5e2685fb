import { type ApplyConflict, formatPath, type StatusError, status } from "@podwright/kube";
import { managerOf } from "./managed-fields.ts";

type Conflicts = ApplyConflict["conflicts"];

/** The 409 of an apply that would change what others manage (internal/conflict.go). */
export function applyConflictStatus(conflicts: Conflicts): StatusError {
  const causes = conflicts.map(({ manager, path }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with ${nameOf(manager)}`,
    field: formatPath(path),
  }));
  return status.applyConflict(causes, textOf(conflicts));
}

function textOf(conflicts: Conflicts): string {
  const [only] = conflicts;
  if (only !== undefined && conflicts.length === 1) {
    return `Apply failed with 1 conflict: conflict with ${nameOf(only.manager)}: ${formatPath(only.path)}`;
  }
  const managers = [...new Set(conflicts.map(({ manager }) => manager))].sort();
  const lines = managers.flatMap((manager) => {
    const paths = conflicts.filter((conflict) => conflict.manager === manager).map(({ path }) => formatPath(path));
    return [`conflicts with ${nameOf(manager)}:`, ...paths.map((path) => `- ${path}`)];
  });
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join("\n")}`;
}

function nameOf(id: string): string {
  const { manager = "", operation, apiVersion = "", subresource } = managerOf(id);
  const name = JSON.stringify(manager) + (subresource ? ` with subresource ${JSON.stringify(subresource)}` : "");
  return operation === "Update" ? `${name} using ${apiVersion}` : name;
}
