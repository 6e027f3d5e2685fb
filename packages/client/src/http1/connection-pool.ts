import { Connection, type ConnectionOptions, type Exchange } from "./connection.ts";

export interface ConnectionPoolOptions extends Omit<ConnectionOptions, "onIdle" | "onClose"> {
  maxConnections: number;
}

/** Kept-alive connections to one server. An exchange takes the one that was used last, else opens one, else waits. */
export class ConnectionPool {
  readonly #options: ConnectionOptions;
  readonly #maxConnections: number;
  readonly #all = new Set<Connection>();
  readonly #idle: Connection[] = [];
  readonly #waiting = new Set<Exchange>();
  #retired = false;

  constructor({ maxConnections, ...options }: ConnectionPoolOptions) {
    this.#maxConnections = maxConnections;
    this.#options = {
      ...options,
      onIdle: (connection) => this.#onIdle(connection),
      onClose: (connection) => this.#onClose(connection),
    };
  }

  /** Sends it, now or when a connection is free. */
  start(exchange: Exchange): void {
    let connection = this.#idle.pop();
    while (connection !== undefined && !connection.usable) connection = this.#idle.pop();
    if (connection !== undefined) connection.start(exchange);
    else if (this.#all.size < this.#maxConnections) this.#open(exchange);
    else this.#waiting.add(exchange);
  }

  /** Takes an exchange that waits out of the line. False when it is under way, or over. */
  withdraw(exchange: Exchange): boolean {
    return this.#waiting.delete(exchange);
  }

  /** Idle connections end now, others when their exchange does. */
  retire(): void {
    this.#retired = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  /** Ends all connections; resolves when they are closed. */
  async destroy(): Promise<void> {
    this.#retired = true;
    const all = [...this.#all];
    for (const connection of all) connection.destroy();
    await Promise.all(all.map((connection) => connection.closed));
  }

  #open(exchange: Exchange): void {
    const connection = new Connection(this.#options);
    this.#all.add(connection);
    connection.start(exchange);
  }

  #onIdle(connection: Connection): void {
    const next = this.#next();
    if (next !== undefined) connection.start(next);
    else if (this.#retired) connection.destroy();
    else this.#idle.push(connection);
  }

  #onClose(connection: Connection): void {
    this.#all.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    const next = this.#next();
    if (next !== undefined) this.#open(next);
  }

  #next(): Exchange | undefined {
    const [next] = this.#waiting;
    if (next !== undefined) this.#waiting.delete(next);
    return next;
  }
}
