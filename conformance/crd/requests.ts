import type { Exchange } from "../differential/exchange.ts";

export type Json = Record<string, unknown>;

export const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/** A definition of one version with the given schema of spec, in a group of the case's own. */
export function definition(group: string, spec: Json, version: Json = {}, rest: Json = {}): Json {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: "widgets", singular: "widget", kind: "Widget", shortNames: ["wd"], categories: ["all"] },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", properties: { spec } } },
          ...version,
        },
      ],
      ...rest,
    },
  };
}

export const goTypes = "upstream prints its Go types";
export const notFoundText = "upstream answers in plain text while it forgets a group";

/** A merge patch. */
export const merge = (title: string, path: string, body: Json): Exchange => ({
  title,
  method: "PATCH",
  path,
  contentType: "application/merge-patch+json",
  body,
});

export const create = (title: string, body: Json): Exchange => ({ title, method: "POST", path: definitions, body });
export const get = (title: string, path: string): Exchange => ({ title, method: "GET", path });
export const remove = (path: string): Exchange => ({ title: `delete ${path}`, method: "DELETE", path, silent: true });

/** Creates it, and waits until its objects are served on both servers. */
export function establish(body: Json): Exchange[] {
  const { name } = (body as { metadata: { name: string } }).metadata;
  const { group, versions } = (body as { spec: { group: string; versions: { name: string }[] } }).spec;
  const served = (answer: unknown) => (answer as { kind: string }).kind === "WidgetList";
  const path = `/apis/${group}/${versions[0]?.name}/namespaces/default/widgets`;
  return [
    // Of a run that was cut short.
    remove(`${definitions}/${name}`),
    { ...get(`gone: ${name}`, `${definitions}/${name}`), until: isGone, silent: true },
    { ...create(`create ${name}`, body), silent: true },
    { ...get(`wait for ${name}`, `${definitions}/${name}`), until: isEstablished, silent: true },
    { ...get(`wait for ${path}`, path), until: served, silent: true },
    // A real server answers once with the definition's store before it is the newest: a moment of peace.
    { ...get(`wait again for ${path}`, path), until: served, silent: true },
  ];
}

export function isGone(answer: unknown): boolean {
  return typeof answer === "string" || (answer as { code?: number }).code === 404;
}

export function isEstablished(answer: unknown): boolean {
  const { status } = answer as { status?: { conditions?: { type: string; status: string }[] } };
  return status?.conditions?.some((each) => each.type === "Established" && each.status === "True") ?? false;
}

export const collection = (group: string, version = "v1") => `/apis/${group}/${version}/namespaces/default/widgets`;

export function widget(group: string, name: string, fields: Json = {}, version = "v1"): Json {
  return { apiVersion: `${group}/${version}`, kind: "Widget", metadata: { name }, ...fields };
}

export const post = (title: string, group: string, body: unknown, query = "", version = "v1"): Exchange => ({
  title,
  method: "POST",
  path: `${collection(group, version)}${query}`,
  body,
});

export const text: Json = { type: "string" };
export const whole: Json = { type: "integer" };
export const short: Json = { ...text, maxLength: 20 };
export const rules = (...written: Json[]): Json => ({ "x-kubernetes-validations": written });

/** Rules that fail and tell the values of these expressions: one object shows them all. */
export const shows = (...expressions: string[]): Json =>
  rules(
    ...expressions.map((expression, index) => ({
      rule: "false",
      message: `no value: ${index}`,
      messageExpression: `'%s'.format([${expression}])`,
    })),
  );
