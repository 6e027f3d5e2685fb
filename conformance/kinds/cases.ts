import { readdirSync, readFileSync } from "node:fs";
import type { KubeObject } from "@podwright/kube";
import { parse } from "yaml";
import type { Exchange } from "../differential/exchange.ts";
import type { Case } from "../differential/recorded.ts";

type Json = Record<string, unknown>;

/** Changes to an object: values by JSON pointer (without the first slash); null removes. */
type Changes = Record<string, unknown>;

/**
 * A file of this folder: an object, and what is changed in it to see what the API server makes of it. Nothing is
 * kept: creates are dry runs, and so are updates of the object as it is.
 */
interface Corpus {
  /** The collection's path. */
  path: string;
  object: Json;
  creates?: Record<string, Changes>;
  updates?: Record<string, Changes>;
  /** Whole objects to create, beside the one above. */
  objects?: Record<string, Json>;
}

/** The names of the files, without ".yaml". */
export function corpora(): string[] {
  return readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => file.slice(0, -".yaml".length))
    .sort();
}

/** The object that a file is about. */
export function objectOf(name: string): KubeObject {
  return corpusOf(name).object as unknown as KubeObject;
}

function corpusOf(name: string): Corpus {
  const text = readFileSync(new URL(`${name}.yaml`, import.meta.url), "utf8");
  return parse(text, { schema: "core" }) as Corpus;
}

export function casesOf(name: string): Case[] {
  const corpus = corpusOf(name);
  const { path, object } = corpus;
  const post = (title: string, body: Json): Exchange => ({ title, method: "POST", path: `${path}?dryRun=All`, body });
  const creates = Object.entries(corpus.creates ?? {}).map(([title, changes]) => post(title, changed(object, changes)));
  const objects = Object.entries(corpus.objects ?? {}).map(([title, body]) => post(title, body));
  const cases: Case[] = [{ name: "create", exchanges: [post("as it is", object), ...creates, ...objects] }];
  if (corpus.updates !== undefined) cases.push({ name: "update", exchanges: updates(path, object, corpus.updates) });
  return cases;
}

/** Makes the object, changes it one way after the other, and takes it away again. */
function updates(path: string, object: Json, all: Record<string, Changes>): Exchange[] {
  const { name } = object["metadata"] as { name: string };
  const item = `${path}/${name}`;
  const remove: Exchange = { title: "delete", method: "DELETE", path: `${item}?gracePeriodSeconds=0`, silent: true };
  const gone: Exchange = {
    title: "gone",
    method: "GET",
    path: item,
    until: (body) => (body as { code?: number }).code === 404,
    silent: true,
  };
  const patches = Object.entries(all).map(
    ([title, changes]): Exchange => ({
      title,
      method: "PATCH",
      path: `${item}?dryRun=All`,
      contentType: "application/json-patch+json",
      body: JSON.stringify(jsonPatch(changes)),
    }),
  );
  return [
    remove,
    gone,
    { title: "create", method: "POST", path, body: object, silent: true },
    ...patches,
    { ...remove, title: "delete it" },
  ];
}

function jsonPatch(changes: Changes): Json[] {
  return Object.entries(changes).map(([pointer, value]) => {
    const path = `/${pointer}`;
    if (value === null) return { op: "remove", path };
    return { op: /\/\d+$/.test(path) ? "replace" : "add", path, value };
  });
}

function changed(object: Json, changes: Changes): Json {
  const copy = structuredClone(object);
  for (const [pointer, value] of Object.entries(changes)) {
    const keys = pointer.split("/").map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = keys.pop() as string;
    let parent = copy;
    for (const key of keys) {
      parent[key] ??= {};
      parent = parent[key] as Json;
    }
    if (value !== null) parent[last] = value;
    else if (Array.isArray(parent)) parent.splice(Number(last), 1);
    else delete parent[last];
  }
  return copy;
}
