import { cloneJson, formatApiVersion, type JsonValue, type KubeObject } from "@podwright/kube";
import type { Resource } from "./resource.ts";

/** Between a version of a kind and the one its objects are stored in. */
export type Conversion = ServerConversion | WebhookConversion;

/** Computed here. Both give a new object (or the same when nothing differs). */
export interface ServerConversion {
  by: "server";
  toStorage(object: KubeObject): KubeObject;
  fromStorage(object: KubeObject): KubeObject;
}

/**
 * Asked of a custom resource's conversion webhook, but for objects that have the wanted version already. All reject
 * with a StatusError of code 500 when the webhook cannot be reached or breaks the rules.
 */
export interface WebhookConversion {
  by: "webhook";
  /** In one call, in the same order. Changes no argument. */
  convert(objects: readonly KubeObject[], apiVersion: string): Promise<KubeObject[]>;
  /** Changes no argument. */
  toStorage(object: KubeObject): Promise<KubeObject>;
  /** Objects as parsed, in one call; they are the conversion's own from now on. */
  fromStorage(objects: KubeObject[]): Promise<KubeObject[]>;
  /** The same for an object that readers share, who then share the outcome too. */
  shared(object: KubeObject): Promise<KubeObject>;
}

type Converted = Pick<Resource, "conversion">;

/** The object in the version it is stored in: at once, unless a webhook converts it. */
export function toStorage({ conversion }: Converted, object: KubeObject): KubeObject | Promise<KubeObject> {
  return conversion === undefined ? object : conversion.toStorage(object);
}

/** Parsed objects, which are the caller's own, in the resource's version: at once, unless a webhook converts them. */
export function fromStorage({ conversion }: Converted, objects: KubeObject[]): KubeObject[] | Promise<KubeObject[]> {
  if (conversion === undefined) return objects;
  return conversion.by === "server"
    ? objects.map((object) => conversion.fromStorage(object))
    : conversion.fromStorage(objects);
}

/** A computation that cannot wait needs an answer that is not there yet. */
export class UnansweredConversion extends Error {
  readonly ask: () => Promise<void>;

  constructor(ask: () => Promise<void>) {
    super("a conversion webhook has not been asked yet");
    this.ask = ask;
  }
}

/**
 * Lets computations that cannot wait convert objects: when a webhook is to be asked they are broken off, and run again
 * with its answer. They must change nothing outside on their way to a conversion.
 */
export class Conversions {
  readonly #answers = new Map<string, KubeObject | Error>();

  /**
   * The object, of the one resource, in the version of the other; both are of one kind. It may share parts with the
   * argument.
   *
   * @throws UnansweredConversion within {@link run}
   * @throws StatusError what became of asking
   */
  convert(object: KubeObject, from: Resource, to: Resource): KubeObject {
    if (from === to) return object;
    const webhook = [from.conversion, to.conversion].find((each) => each?.by === "webhook");
    if (webhook?.by === "webhook") {
      const apiVersion = formatApiVersion(to.group, to.version);
      return this.#answer(`${apiVersion} ${keyOf(object)}`, () => webhook.convert([object], apiVersion));
    }
    const stored = from.conversion?.by === "server" ? from.conversion.toStorage(object) : object;
    return to.conversion?.by === "server" ? to.conversion.fromStorage(stored) : stored;
  }

  /** A parsed stored object in the resource's version. The object is this one's own from now on. */
  fromStorage({ conversion, version }: Resource, object: KubeObject): KubeObject {
    if (conversion === undefined) return object;
    if (conversion.by === "server") return conversion.fromStorage(object);
    return this.#answer(`stored, in ${version}: ${keyOf(object)}`, () => conversion.fromStorage([object]));
  }

  /** Runs the computation until it has all answers: at once, unless a webhook has to be asked. */
  run<T>(compute: () => T): T | Promise<T> {
    try {
      return compute();
    } catch (error) {
      if (!(error instanceof UnansweredConversion)) throw error;
      return error.ask().then(() => this.run(compute));
    }
  }

  #answer(key: string, ask: () => Promise<KubeObject[]>): KubeObject {
    const answer = this.#answers.get(key);
    if (answer instanceof Error) throw answer;
    if (answer !== undefined) return cloneJson(answer as JsonValue) as KubeObject;
    throw new UnansweredConversion(async () => {
      const outcome = await ask().catch((error: Error) => error);
      this.#answers.set(key, outcome instanceof Error ? outcome : (outcome[0] as KubeObject));
    });
  }
}

function keyOf(object: KubeObject): string {
  return JSON.stringify(object, (_key, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));
}
