import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { parse as parseYaml } from "yaml";

/** What the service is told by config.yaml and the environment. */
export interface ServiceConfig {
  host: string;
  port: number;
  /** pino's names. */
  logLevel: "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";
  /** Where tenants are asked for; without it they are the cluster's Tenant objects. */
  tenantServiceUrl?: string;
  /** The key shared by the callers, the service and the tenant service. */
  moopkey?: string;
  /** Callers need no credentials: for a network where all who reach the service are trusted, as upstream assumed. */
  anonymous: boolean;
  inCluster: boolean;
  /** Where history and queue are kept; without it they are lost when the service ends. */
  dataDir?: string;
  /** Origins that browsers may call from; "*" for all. */
  corsOrigins: string[];
  bodyLimitBytes: number;
  /** Requests a second of one caller. */
  rateLimit: number;
  /** Runs of all tenants at once. */
  maxRuns: number;
  /** Runs that wait, of all tenants. */
  maxQueue: number;
  historyDays: number;
  /** Keeps apart services that share a cluster. */
  instance: string;
}

export class ConfigError extends Error {}

type Kind = "string" | "number" | "boolean" | "strings" | "level";

const members: Record<string, [member: keyof ServiceConfig, kind: Kind, min?: number, max?: number]> = {
  host: ["host", "string"],
  port: ["port", "number", 0, 65535],
  log_level: ["logLevel", "level"],
  tenant_service_url: ["tenantServiceUrl", "string"],
  MOOPKEY: ["moopkey", "string"],
  in_cluster: ["inCluster", "boolean"],
  anonymous: ["anonymous", "boolean"],
  data_dir: ["dataDir", "string"],
  cors_origins: ["corsOrigins", "strings"],
  body_limit: ["bodyLimitBytes", "number", 1024, 16 * 1024 * 1024],
  rate_limit: ["rateLimit", "number", 1, 1_000_000],
  max_runs: ["maxRuns", "number", 1, 1_000_000],
  max_queue: ["maxQueue", "number", 0, 1_000_000],
  history_days: ["historyDays", "number", 0, 3650],
  instance: ["instance", "string"],
};

const environment: Record<string, string> = {
  LOG_LEVEL: "log_level",
  TENANT_SERVICE_URL: "tenant_service_url",
  MOOPKEY: "MOOPKEY",
};

export const defaultConfig: Readonly<ServiceConfig> = {
  host: "127.0.0.1",
  port: 5020,
  logLevel: "info",
  anonymous: false,
  inCluster: false,
  corsOrigins: [],
  bodyLimitBytes: 256 * 1024,
  rateLimit: 10_000,
  maxRuns: 10_000,
  maxQueue: 10_000,
  historyDays: 30,
  instance: "default",
};

/**
 * Reads config.yaml (upstream's names and ours) and the environment, which wins. Throws {@link ConfigError} with
 * the member that is wrong; `file` must exist when given.
 */
export function readConfig(file: string | undefined, env: Record<string, string | undefined>): ServiceConfig {
  const config: Record<string, unknown> = { ...defaultConfig };
  const take = (name: string, value: unknown, where: string): void => {
    // Upstream's switch of Flask's debugger: accepted, and nothing.
    if (name === "debug" || value === null || value === undefined) return;
    const known = members[name];
    if (known === undefined) throw new ConfigError(`${where}: there is no "${name}"`);
    const [member, kind, min, max] = known;
    config[member] = checked(value, kind, `${where}: ${name}`, min, max);
  };
  if (file !== undefined) {
    for (const [name, value] of Object.entries(readYaml(file))) take(name, value, file);
  }
  for (const [variable, name] of Object.entries(environment)) {
    const value = env[variable]?.trim();
    if (value) take(name, value, variable);
  }
  const url = config["tenantServiceUrl"];
  if (url === "") delete config["tenantServiceUrl"];
  else if (url !== undefined && !(URL.canParse(url as string) && /^https?:$/.test(new URL(url as string).protocol))) {
    throw new ConfigError("tenant_service_url: give an http or https URL");
  }
  if (config["moopkey"] === "") delete config["moopkey"];
  if (!/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(config["instance"] as string)) {
    throw new ConfigError("instance: give up to 40 small letters, digits and hyphens");
  }
  return config as unknown as ServiceConfig;
}

function readYaml(file: string): object {
  let value: unknown;
  try {
    const { parse } = createRequire(import.meta.url)("yaml") as { parse: typeof parseYaml };
    value = parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new ConfigError(`${file}: ${(error as Error).message.split("\n")[0]}`);
  }
  if (value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw new ConfigError(`${file}: give members and values`);
  return value;
}

function checked(value: unknown, kind: Kind, where: string, min = 0, max = Number.MAX_SAFE_INTEGER): unknown {
  switch (kind) {
    case "string":
      if (typeof value === "string") return value;
      throw new ConfigError(`${where}: give a text`);
    case "boolean":
      if (typeof value === "boolean") return value;
      throw new ConfigError(`${where}: give true or false`);
    case "number": {
      if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value;
      throw new ConfigError(`${where}: give a whole number from ${min} to ${max}`);
    }
    case "strings":
      if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
      throw new ConfigError(`${where}: give a list of texts`);
    case "level":
      return levelOf(value, where);
  }
}

/** Python's numbers, as upstream has them (10 debug, 20 info, …), or names. */
function levelOf(value: unknown, where: string): ServiceConfig["logLevel"] {
  const text = String(value).toLowerCase();
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (number < 10) return "trace";
    return (["debug", "info", "warn", "error"] as const)[Math.floor(number / 10) - 1] ?? "fatal";
  }
  const level = { warning: "warn", critical: "fatal" }[text] ?? text;
  const known = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
  const found = known.find((name) => name === level);
  if (found === undefined) throw new ConfigError(`${where}: give one of ${known.join(", ")}, or 10 to 50`);
  return found;
}
