import { createHash } from "node:crypto";
import { type Client, configMaps, secrets } from "@podwright/client";
import { canonicalJson, isCode, type JsonObject } from "@podwright/kube";
import type { ContentIndex } from "../../content/content-index.ts";
import type { ResolvedChart } from "../charts/chart-source.ts";
import type { Pack, ValuesReference } from "../pack.ts";
import { configDigest, renderValues, type ValuesSource } from "../values/values.ts";
import { ValuesError } from "../values/values-error.ts";
import type { Desired } from "./decide.ts";

export interface Values {
  values: JsonObject;
  /** Texts of Secrets that went into the values: not to be shown. */
  secretTexts: string[];
}

/**
 * Makes Packs' values, and remembers their digests: a Pack whose text and sources are as before costs neither a request
 * nor a rendering.
 */
export class DesiredState {
  readonly #client: Client;
  readonly #content: ContentIndex;
  readonly #digests = new Map<string, { inputs: string; configDigest: string }>();

  constructor(client: Client, content: ContentIndex) {
    this.#client = client;
    this.#content = content;
  }

  forget(uid: string): void {
    this.#digests.delete(uid);
  }

  /** Throws ValuesError. */
  async of(pack: Pack, chart: ResolvedChart): Promise<Desired> {
    const configDigest = await this.configDigest(pack);
    return {
      chartDigest: chart.digest,
      configDigest,
      key: hex(`${chart.digest}\n${configDigest}`).slice(0, 40),
    };
  }

  /** Of all a Pack says but for its chart. Throws ValuesError. */
  async configDigest(pack: Pack): Promise<string> {
    const uid = pack.metadata.uid ?? "";
    const inputs = this.#inputs(pack);
    let known = this.#digests.get(uid);
    if (known?.inputs !== inputs) {
      const { values } = await this.values(pack);
      const { postRender } = pack.spec;
      const ofValues = configDigest(values);
      // What patches make of the chart is configuration, too.
      const digest =
        postRender === undefined || postRender.length === 0
          ? ofValues
          : `sha256:${hex(`${ofValues}\n${canonicalJson(postRender as never)}`)}`;
      known = { inputs, configDigest: digest };
      this.#digests.set(uid, known);
    }
    return known.configDigest;
  }

  /** Throws ValuesError; StatusError when a source cannot be read. */
  async values(pack: Pack): Promise<Values> {
    const secretTexts: string[] = [];
    const references = pack.spec.valuesFrom ?? [];
    const sources = await Promise.all(
      references.map(async (reference, index): Promise<ValuesSource> => {
        const content = await this.#read(pack, reference);
        if (content === undefined && reference.optional !== true) {
          const key = reference.valuesKey ?? "values.yaml";
          throw new ValuesError(
            `valuesFrom[${index}]`,
            `the ${reference.kind} "${reference.name}" does not exist or has no key "${key}"`,
          );
        }
        if (content !== undefined && reference.kind === "Secret") secretTexts.push(...textsOf(content));
        return { reference, content };
      }),
    );
    const values = await renderValues({
      ...(pack.spec.values !== undefined ? { values: pack.spec.values } : {}),
      ...(pack.spec.vars !== undefined ? { vars: pack.spec.vars } : {}),
      sources,
    });
    return { values, secretTexts };
  }

  #inputs(pack: Pack): string {
    const sources = (pack.spec.valuesFrom ?? []).map(
      ({ kind, name }) => this.#content.get(kind, pack.metadata.namespace ?? "", name)?.hash ?? "",
    );
    return `${pack.metadata.generation}\n${sources.join("\n")}`;
  }

  async #read(pack: Pack, reference: ValuesReference): Promise<string | undefined> {
    const resource = this.#client.resource(reference.kind === "Secret" ? secrets : configMaps);
    try {
      const object = await resource.get(reference.name, pack.metadata.namespace);
      const key = reference.valuesKey ?? "values.yaml";
      const plain: unknown = object["data"]?.[key];
      if (typeof plain === "string") {
        return reference.kind === "Secret" ? Buffer.from(plain, "base64").toString("utf8") : plain;
      }
      const binary: unknown = object["binaryData"]?.[key];
      return typeof binary === "string" ? Buffer.from(binary, "base64").toString("utf8") : undefined;
    } catch (error) {
      if (isCode(error, 404)) return undefined;
      throw error;
    }
  }
}

/** The text without what came from Secrets. */
export function withoutSecrets(text: string, secretTexts: readonly string[]): string {
  let result = text;
  for (const secret of secretTexts) result = result.replaceAll(secret, "***");
  return result;
}

// Whole lines and what follows a colon: a scalar of YAML, whatever its quotes. Short ones would garble any text.
function textsOf(content: string): string[] {
  return content
    .split("\n")
    .flatMap((line) => [line, line.slice(line.indexOf(":") + 1)])
    .map((text) => text.trim().replace(/^["']|["']$/g, ""))
    .filter((text) => text.length >= 6)
    .sort((a, b) => b.length - a.length);
}

function hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
