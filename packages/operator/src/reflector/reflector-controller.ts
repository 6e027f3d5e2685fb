import {
  type Informer,
  objectKey,
  type ReconcileResult,
  secretReflectors,
  splitKey,
  WorkQueue,
} from "@podwright/client";
import { isCode, type KubeObject, messageOf, SelectorError } from "@podwright/kube";
import type { ContentChange, ContentEntry } from "../content/content-index.ts";
import { inParallel } from "../parallel.ts";
import type { PartContext } from "../part.ts";
import { copyMetadata } from "./copy.ts";
import type { Source } from "./copy-hashes.ts";
import { CopyKeeper } from "./copy-keeper.ts";
import { CopyRegistry, copyKey } from "./copy-registry.ts";
import { TemplateError } from "./copy-template.ts";
import { CopyWriter } from "./copy-writer.ts";
import { pulledBy, type ReflectionRules, reflectionRules } from "./reflection-rules.ts";
import { finalizer, type SecretReflector } from "./secret-reflector.ts";
import { type Findings, statusOf } from "./status.ts";

const writesAtOnce = 24;
/** A name that is taken by what is not seen here (helm's releases) is tried again so often. */
const unseenRetryMs = 60_000;

/** Makes the copies of every reflector what they should be, whatever has become of them. */
export class ReflectorController {
  readonly #context: PartContext;
  readonly #reflectors: Informer<SecretReflector>;
  readonly #namespaces: Informer;
  readonly #writer: CopyWriter;
  readonly #queue: WorkQueue;
  readonly #registry = new CopyRegistry();
  readonly #rules = new Map<string, { generation: number; uid: string; rules: ReflectionRules | undefined }>();
  readonly #keeper: CopyKeeper;
  readonly #leave: (() => void)[] = [];

  constructor(context: PartContext, informers: { reflectors: Informer<SecretReflector>; namespaces: Informer }) {
    this.#context = context;
    this.#reflectors = informers.reflectors;
    this.#namespaces = informers.namespaces;
    this.#writer = new CopyWriter(context.client);
    this.#keeper = new CopyKeeper(context.content, this.#writer);
    this.#queue = new WorkQueue({
      reconcile: (key) => this.#reconcile(key),
      concurrency: 4,
      maxBackoffMs: 30_000,
      clock: context.clock,
      onError: (key, error, failures) =>
        context.logger.warn("reflecting failed", { reflector: key, error: messageOf(error), failures }),
    });
  }

  start(): void {
    const add = (object: KubeObject) => this.#queue.add(objectKey(object));
    this.#leave.push(
      this.#reflectors.onChange({
        added: add,
        updated: (reflector, old) => {
          // Its status, which is written here, is no reason to look again.
          const { generation, deletionTimestamp } = old.metadata;
          const now = reflector.metadata;
          if (now.generation !== generation || now.deletionTimestamp !== deletionTimestamp) add(reflector);
        },
        deleted: add,
      }),
      this.#namespaces.onChange({
        added: (namespace) => this.#namespaceChanged(namespace),
        updated: (namespace, old) => this.#namespaceChanged(namespace, old),
      }),
      this.#context.content.onChange((change) => this.#contentChanged(change)),
    );
    this.#queue.start();
  }

  async stop(): Promise<void> {
    for (const leave of this.#leave) leave();
    await this.#queue.stop();
  }

  #namespaceChanged(namespace: KubeObject, old?: KubeObject): void {
    const asked = new Set([...pulledBy(namespace), ...(old === undefined ? [] : pulledBy(old))]);
    for (const reflector of this.#reflectors.list()) {
      const rules = this.#rulesOf(reflector);
      if (rules === undefined) continue;
      const differs = old === undefined ? rules.wants(namespace) : rules.wants(namespace) !== rules.wants(old);
      if (differs || asked.has(objectKey(reflector))) this.#queue.add(objectKey(reflector));
    }
  }

  #contentChanged(change: ContentChange): void {
    const { kind, namespace, entry, old } = change;
    this.#keeper.seen(change);
    for (const reflector of this.#registry.note(change)) this.#queue.add(reflector);
    for (const reflector of this.#reflectors.by("namespace", namespace)) {
      const rules = this.#rulesOf(reflector);
      if (rules?.kind !== kind) continue;
      const is = [entry, old].some((each) => each !== undefined && rules.isSource(each));
      if (is) this.#queue.add(objectKey(reflector));
    }
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const { namespace, name } = splitKey(key) as { namespace: string; name: string };
    const reflector = this.#reflectors.get(name, namespace);
    if (reflector === undefined || reflector.metadata.deletionTimestamp !== undefined) return this.#end(key, reflector);
    const rules = this.#rulesOf(reflector);
    if (rules === undefined) return;
    const found: Findings & { conflicts: string[]; problems: string[] } = {
      source: rules.source,
      sources: 0,
      targets: 0,
      copies: 0,
      conflicts: [],
      problems: [],
      denied: this.#namespaces
        .list()
        .filter((each) => rules.denies(each))
        .map((each) => each.metadata.name as string),
    };
    if (reflector.spec.suspend === true) {
      await this.#report(reflector, { ...found, suspended: true });
      return;
    }
    if (reflector.metadata.finalizers?.includes(finalizer) !== true) {
      if (!(await this.#addFinalizer(reflector))) return;
    }

    const { content } = this.#context;
    const sources = content.list(rules.kind, namespace).filter((entry) => rules.isSource(entry));
    const targets = this.#namespaces.list().filter((each) => rules.wants(each));
    found.sources = sources.length;
    const wantedKeys = new Set<string>();
    const taken = new Set<string>();
    const writes: (() => Promise<void>)[] = [];
    for (const entry of sources) {
      const source = this.#source(entry);
      const metadata = copyMetadata(reflector, entry, content.hasher);
      for (const target of targets) {
        const at = target.metadata.name as string;
        const copyName = rules.name.render({ name: entry.name, namespace, targetNamespace: at });
        const id = copyKey(rules.kind, at, copyName);
        if (at === namespace && copyName === entry.name) continue;
        found.targets++;
        const conflict = () => {
          taken.add(id);
          found.conflicts.push(`${rules.kind.toLowerCase()} ${at}/${copyName}`);
        };
        if (wantedKeys.has(id)) {
          conflict();
          continue;
        }
        wantedKeys.add(id);
        writes.push(async () => {
          const outcome = await this.#keeper.keep(reflector, rules, source, {
            namespace: at,
            name: copyName,
            metadata,
          });
          if (outcome === "written") found.copies++;
          if (outcome === "taken") conflict();
        });
      }
    }
    for (const [id, entry] of this.#registry.copiesOf(key)) {
      if (!wantedKeys.has(id)) writes.push(() => this.#writer.remove(entry));
    }

    const errors = await inParallel(writes, writesAtOnce, (write) => write());
    this.#registry.wait(key, taken);
    found.problems.push(...new Set(errors.map(messageOf)));
    await this.#report(reflector, found);
    const unexpected = errors.find((error) => !(error instanceof TemplateError));
    if (unexpected !== undefined) throw unexpected;
    if (taken.size > 0) return { requeueAfterMs: unseenRetryMs };
  }

  /** Removes all its copies, then lets it go. */
  async #end(key: string, reflector: SecretReflector | undefined): Promise<void> {
    const copies = [...this.#registry.copiesOf(key).values()];
    // One that was written a moment ago may not be known yet: its event brings it here again.
    const [error] = await inParallel(copies, writesAtOnce, (copy) => this.#writer.remove(copy));
    if (error !== undefined) throw error;
    this.#registry.wait(key, new Set());
    this.#keeper.forget(key);
    this.#rules.delete(key);
    if (reflector?.metadata.finalizers?.includes(finalizer) !== true) return;
    const finalizers = reflector.metadata.finalizers.filter((each) => each !== finalizer);
    await this.#patchMetadata(reflector, finalizers);
  }

  async #addFinalizer(reflector: SecretReflector): Promise<boolean> {
    return this.#patchMetadata(reflector, [...(reflector.metadata.finalizers ?? []), finalizer]);
  }

  /** False when it is gone, or not as it was known: then its event is on the way. */
  async #patchMetadata({ metadata }: SecretReflector, finalizers: string[]): Promise<boolean> {
    const { name, namespace, uid, resourceVersion } = metadata;
    const patch = { metadata: { uid, resourceVersion, finalizers } };
    try {
      await this.#context.client.resource(secretReflectors).patch(name as string, namespace, patch, { type: "merge" });
      return true;
    } catch (error) {
      if (!isCode(error, 404, 409)) throw error;
      if (error.code === 409) this.#queue.addAfter(`${namespace}/${name}`, 10);
      return false;
    }
  }

  async #report(reflector: SecretReflector, found: Findings): Promise<void> {
    const known = this.#reflectors.get(reflector.metadata.name as string, reflector.metadata.namespace) ?? reflector;
    const status = statusOf(known, found, this.#context.clock.now());
    if (JSON.stringify(status) === JSON.stringify(known.status)) return;
    const { name, namespace, uid } = reflector.metadata;
    try {
      await this.#context.client
        .resource(secretReflectors)
        .patch(name as string, namespace, { metadata: { uid }, status }, { type: "merge", subresource: "status" });
    } catch (error) {
      if (!isCode(error, 404, 409)) throw error;
    }
  }

  #source(entry: ContentEntry): Source {
    let reading: Promise<KubeObject> | undefined;
    return {
      entry,
      read: () => {
        reading ??= this.#writer.source(entry.kind, entry.namespace, entry.name);
        return reading;
      },
    };
  }

  /** Undefined for a spec that the webhook would have refused. */
  #rulesOf(reflector: SecretReflector): ReflectionRules | undefined {
    const key = objectKey(reflector);
    const { generation = 0, uid = "" } = reflector.metadata;
    let known = this.#rules.get(key);
    if (known === undefined || known.generation !== generation || known.uid !== uid) {
      known = { generation, uid, rules: this.#readRules(reflector) };
      this.#rules.set(key, known);
    }
    return known.rules;
  }

  #readRules(reflector: SecretReflector): ReflectionRules | undefined {
    try {
      return reflectionRules(reflector);
    } catch (error) {
      if (!(error instanceof TemplateError) && !(error instanceof SelectorError)) throw error;
      this.#context.recorder.event(reflector, "Warning", "InvalidSpec", error.message);
      return undefined;
    }
  }
}
