import http from "node:http";
import type { AddressInfo } from "node:net";
import type { KubeObject } from "@podwright/kube";
import type { ConnectionConfig } from "../connection-config.ts";
import { staticCredentials } from "../connection-config.ts";

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;
interface Change {
  type: "ADDED" | "MODIFIED" | "DELETED";
  object: KubeObject;
  revision: number;
}

/**
 * A server for what no good API server does: it breaks, stalls, forgets and garbles on command. Between faults it
 * serves the ConfigMaps of one namespace just well enough to list and watch. Whatever is not about faults is tested
 * against real API servers (conformance/client).
 */
export class FaultyServer {
  /** "METHOD path" of each request, in order. */
  readonly requests: string[] = [];
  /** Taken, first come first served, instead of the usual answer. */
  readonly answers: Handler[] = [];
  /** What happens to sendInitialEvents: served, refused (an old server), or not known at all. */
  watchList: "serve" | "refuse" | "ignore" = "serve";
  /** Changes made while true never reach watchers. */
  losing = false;
  #revision = 100;
  #oldest = 0;
  readonly #objects = new Map<string, KubeObject>();
  readonly #changes: Change[] = [];
  readonly #watches = new Set<http.ServerResponse>();
  readonly #server = http.createServer((request, response) => this.#handle(request, response));
  #port = 0;

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get connection(): ConnectionConfig {
    return {
      server: `http://127.0.0.1:${this.#port}`,
      namespace: "default",
      tls: {},
      credentials: staticCredentials({}),
      headers: {},
    };
  }

  get watches(): number {
    return this.#watches.size;
  }

  get names(): string[] {
    return [...this.#objects.keys()].sort();
  }

  put(name: string, value: string): void {
    const known = this.#objects.has(name);
    const object: KubeObject = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace: "default", uid: name, resourceVersion: String(++this.#revision) },
      data: { value },
    };
    this.#objects.set(name, object);
    this.#tell({ type: known ? "MODIFIED" : "ADDED", object, revision: this.#revision });
  }

  remove(name: string): void {
    const object = this.#objects.get(name);
    if (object === undefined) return;
    this.#objects.delete(name);
    const metadata = { ...object.metadata, resourceVersion: String(++this.#revision) };
    this.#tell({ type: "DELETED", object: { ...object, metadata }, revision: this.#revision });
  }

  /** Writes text into all watches, as it is. */
  write(text: string): void {
    for (const watch of this.#watches) watch.write(text);
  }

  bookmark(): void {
    this.write(line("BOOKMARK", { metadata: { resourceVersion: String(this.#revision) } }));
  }

  /** Breaks all watches' connections. */
  drop(): void {
    for (const watch of this.#watches) watch.destroy();
    this.#watches.clear();
  }

  /** Ends all watches as a server does when their time is up. */
  end(): void {
    for (const watch of this.#watches) watch.end();
    this.#watches.clear();
  }

  /** Leaves all watches open and never says another word on them. */
  stall(): void {
    this.#watches.clear();
  }

  /** Forgets all history: whoever wants to go on from before now is told 410. */
  forget(): void {
    this.#oldest = this.#revision;
    this.#changes.length = 0;
  }

  #tell(change: Change): void {
    this.#changes.push(change);
    if (!this.losing) this.write(line(change.type, change.object));
  }

  #handle(request: http.IncomingMessage, response: http.ServerResponse): void {
    this.requests.push(`${request.method} ${request.url}`);
    const answer = this.answers.shift();
    const query = new URL(request.url ?? "", "http://server").searchParams;
    if (answer !== undefined) answer(request, response);
    else if (query.get("watch") === null) this.#list(query, response);
    else this.#watch(query, response);
  }

  #list(query: URLSearchParams, response: http.ServerResponse): void {
    const exact = query.get("resourceVersionMatch") === "Exact" ? Number(query.get("resourceVersion")) : undefined;
    if (exact !== undefined && exact < this.#oldest) {
      refuse(response, 410, "Expired");
      return;
    }
    json(response, 200, {
      apiVersion: "v1",
      kind: "ConfigMapList",
      metadata: { resourceVersion: String(exact ?? this.#revision) },
      items: [...this.#objects.values()].map(({ kind: _kind, apiVersion: _version, ...item }) => item),
    });
  }

  #watch(query: URLSearchParams, response: http.ServerResponse): void {
    const initial = query.get("sendInitialEvents") === "true";
    if (initial && this.watchList === "refuse") {
      refuse(response, 422, "Invalid");
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    if (initial) {
      for (const object of this.#objects.values()) response.write(line("ADDED", object));
      const metadata = {
        resourceVersion: String(this.#revision),
        annotations: { "k8s.io/initial-events-end": "true" },
      };
      if (this.watchList === "serve") response.write(line("BOOKMARK", { metadata }));
    } else {
      const from = Number(query.get("resourceVersion"));
      if (from < this.#oldest) {
        response.end(line("ERROR", status(410, "Expired")));
        return;
      }
      for (const change of this.#changes) {
        if (change.revision > from) response.write(line(change.type, change.object));
      }
    }
    this.#watches.add(response);
    response.on("close", () => this.#watches.delete(response));
  }
}

/** A refusal as API servers give it. */
export function refuse(response: http.ServerResponse, code: number, reason: string, headers = {}): void {
  json(response, code, status(code, reason), headers);
}

export function json(response: http.ServerResponse, code: number, body: unknown, headers = {}): void {
  response.writeHead(code, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

function status(code: number, reason: string): object {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: `refused: ${reason}`,
    reason,
    code,
  };
}

function line(type: string, object: object): string {
  return `${JSON.stringify({ type, object })}\n`;
}
