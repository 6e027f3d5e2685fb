import { registerAuthorizer } from "./authorizer-library.ts";
import { createEnvironment, type Environment } from "./environment.ts";

const kind = { group: "string", version: "string", kind: "string" };
const resource = { group: "string", version: "string", resource: "string" };

/** What admission's expressions may name (k8s.io/apiserver/pkg/admission/plugin/cel/compile.go). */
export function admissionEnvironment(): Environment {
  const environment = createEnvironment()
    .registerVariable("object", "dyn")
    .registerVariable("oldObject", "dyn")
    .registerVariable({
      name: "request",
      schema: {
        kind,
        resource,
        subResource: "string",
        requestKind: kind,
        requestResource: resource,
        requestSubResource: "string",
        name: "string",
        namespace: "string",
        operation: "string",
        userInfo: { username: "string", uid: "string", groups: "list<string>", extra: "map<string, list<string>>" },
        dryRun: "bool",
        options: "dyn",
      },
    });
  return registerAuthorizer(environment);
}
