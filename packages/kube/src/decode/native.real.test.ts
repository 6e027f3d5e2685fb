import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { parseJson } from "../json.ts";
import { DecodeError, decodeNative } from "./native.ts";

/** What a real API server says of the same bodies: needs KUBECONFIG_REAL and kubectl (KUBECTL, or in the PATH). */
const kubeconfig = process.env["KUBECONFIG_REAL"];
const kubectl = process.env["KUBECTL"] ?? "kubectl";

const paths: Readonly<Record<string, string>> = {
  Deployment: "/apis/apps/v1/namespaces/default/deployments",
  Pod: "/api/v1/namespaces/default/pods",
  Secret: "/api/v1/namespaces/default/secrets",
  Lease: "/apis/coordination.k8s.io/v1/namespaces/default/leases",
  CustomResourceDefinition: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
};
const structs: Readonly<Record<string, { apiVersion: string; name: string }>> = {
  Deployment: { apiVersion: "apps/v1", name: "io.k8s.api.apps.v1.Deployment" },
  Pod: { apiVersion: "v1", name: "io.k8s.api.core.v1.Pod" },
  Secret: { apiVersion: "v1", name: "io.k8s.api.core.v1.Secret" },
  Lease: { apiVersion: "coordination.k8s.io/v1", name: "io.k8s.api.coordination.v1.Lease" },
  CustomResourceDefinition: {
    apiVersion: "apiextensions.k8s.io/v1",
    name: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
  },
};

const bodies: readonly [kind: string, fields: string][] = [
  ["Deployment", '"spec":{"replicas":"x"}'],
  ["Deployment", '"spec":{"replicas":1.5}'],
  ["Deployment", '"spec":{"replicas":99999999999}'],
  ["Deployment", '"spec":[]'],
  ["Deployment", '"spec":{"template":{"spec":{"containers":{"a":1}}}}'],
  ["Deployment", '"spec":{"template":{"spec":{"containers":[{"name":"a","foo":1,"ports":[{"containerPort":"a"}]}]}}}'],
  ["Deployment", '"spec":{"strategy":{"rollingUpdate":{"maxSurge":true}}}'],
  ["Deployment", '"spec":{"strategy":{"rollingUpdate":{"maxSurge":99999999999}}}'],
  ["Deployment", '"metadata":{"labels":{"a":1}}'],
  ["Deployment", '"metadata":{"creationTimestamp":5}'],
  ["Deployment", '"metadata":{"creationTimestamp":"2024-13-01T00:00:00Z"}'],
  ["Deployment", '"metadata":{"creationTimestamp":"2024-02-30T00:00:00Z"}'],
  ["Deployment", '"metadata":{"creationTimestamp":"nope"}'],
  ["Deployment", '"metadata":{"creationTimestamp":"2024-01-01T00:00:00Z "}'],
  ["Deployment", '"metadata":{"creationTimestamp":"2024-01-01T0:00:00+25:00"}'],
  ["Deployment", '"metadata":{"creationTimestamp":{"a":1}}'],
  ["Pod", '"spec":{"containers":[{"name":"a","livenessProbe":{"httpGet":{"port":true}}}]}'],
  ["Pod", '"spec":{"containers":[{"name":"a","livenessProbe":{"httpGet":3}}]}'],
  ["Pod", '"spec":{"containers":[{"name":"a","imagePullPolicy":5}]}'],
  ["Pod", '"spec":{"containers":[{"name":"a","command":"ls"}]}'],
  ["Pod", '"spec":{"containers":[{"name":"a","resources":{"limits":5}}]}'],
  ["Pod", '"spec":{"containers":[{"name":"a","resources":{"limits":{"cpu":"x"}}}]}'],
  ["Pod", '"spec":{"containers":[{"name":"a","resources":{"limits":{"cpu":{"a":1}}}}]}'],
  ["Pod", '"spec":{"volumes":[{"name":"a","emptyDir":"x"}]}'],
  ["Pod", '"spec":{"volumes":[{"name":"a","hostPath":{"path":"x","type":3}}]}'],
  ["Pod", '"spec":{"hostNetwork":"true","containers":7}'],
  [
    "Pod",
    '"spec":{"containers":[{"name":"a","env":[{"name":"x","vlue":"5","a":{"b":1}}]}],"zz":1},"status":{"q":1},"aa":{}',
  ],
  ["Secret", '"data":{"a":"@@@@"}'],
  ["Secret", '"data":{"a":"abc"}'],
  ["Secret", '"data":{"a":"ab=c"}'],
  ["Secret", '"data":{"a":"YWJj\\nYW==="}'],
  ["Secret", '"data":{"a":"YWJjZA==YWJj"}'],
  ["Secret", '"data":5'],
  ["Lease", '"spec":{"renewTime":"2024-01-02T00:30:00Z"}'],
  ["Lease", '"spec":{"renewTime":"2024-01-02T00:30:00.1234567Z"}'],
  ["CustomResourceDefinition", '"spec":{"versions":[{"schema":{"openAPIV3Schema":{"type":5}}}]}'],
  ["CustomResourceDefinition", '"spec":{"versions":[{"schema":{"openAPIV3Schema":{"additionalProperties":5}}}]}'],
  ["CustomResourceDefinition", '"spec":{"versions":[{"schema":{"openAPIV3Schema":{"items":[{"type":"x"},5]}}}]}'],
  [
    "CustomResourceDefinition",
    '"spec":{"versions":[{"schema":{"openAPIV3Schema":{"items":{"bogus":1},"properties":{"a":{"bogus":1}}}}}]}',
  ],
];

describe.skipIf(kubeconfig === undefined)("a real API server (KUBECONFIG_REAL)", () => {
  test.each(bodies)("answers a %s with %s in the same words", (kind, fields) => {
    const { apiVersion, name } = structs[kind]!;
    const body = `{"apiVersion":"${apiVersion}","kind":"${kind}",${fields}}`;
    expect(realAnswer(`${paths[kind]}?dryRun=All&fieldValidation=Strict`, body)).toContain(
      `${kind} in version "v1" cannot be handled as a ${kind}: ${ownAnswer(body, name)}`,
    );
  });
});

function ownAnswer(body: string, structName: string): string {
  try {
    const { unknown } = decodeNative(parseJson(body).value, structName);
    return `strict decoding error: ${unknown.map((path) => `unknown field "${path}"`).join(", ")}`;
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError);
    return (error as Error).message;
  }
}

function realAnswer(path: string, body: string): string {
  try {
    return execFileSync(kubectl, ["--kubeconfig", kubeconfig ?? "", "create", "--raw", path, "-f", "-"], {
      input: body,
      encoding: "utf8",
      stdio: ["pipe", "pipe", "pipe"],
    });
  } catch (error) {
    return (error as { stderr: string }).stderr;
  }
}
