/** The machine's own resolver configuration. */
import { readFile, stat } from "node:fs/promises";

const path = "/etc/resolv.conf";
/** The "nameserver" lines, in order. */
export function nameservers(resolvConf: string): string[] {
  return resolvConf
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([word, server]) => (word === "nameserver" && server !== undefined ? [server] : []));
}

/** The servers this process itself may ask, read anew when the file has changed, looked at every two seconds at most. */
export class HostNameservers {
  readonly #now: () => number;
  readonly #path: string;
  #servers: string[] = [];
  #version = "";
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(now: () => number, file: string = path) {
    this.#now = now;
    this.#path = file;
  }

  async servers(): Promise<readonly string[]> {
    if (this.#now() - this.#lookedAt < 2000) return this.#servers;
    this.#lookedAt = this.#now();
    const facts = await stat(this.#path).catch(() => undefined);
    const version = facts === undefined ? "" : `${facts.ino} ${facts.mtimeMs} ${facts.size}`;
    if (version !== this.#version) {
      this.#version = version;
      this.#servers = nameservers(await readFile(this.#path, "utf8").catch(() => ""));
    }
    return this.#servers;
  }
}
