/**
 * Chains of iptables as we want them, and the least that must be written to get there
 * (iptables-restore --noflush touches only the chains that it is told).
 */
export type Table = "nat" | "filter" | "mangle";

/** Rules by chain, by table, without the leading "-A CHAIN". */
export type RuleSet = ReadonlyMap<Table, ReadonlyMap<string, readonly string[]>>;

/** A rule in a chain of the machine's own that leads to one of ours. */
export interface Jump {
  table: Table;
  from: "PREROUTING" | "INPUT" | "FORWARD" | "OUTPUT" | "POSTROUTING";
  to: string;
}

export const tables: readonly Table[] = ["mangle", "nat", "filter"];

/** What iptables-restore --noflush must read to turn one set into the other; "" when they are the same. */
export function difference(before: RuleSet, after: RuleSet, jumps: readonly Jump[] = []): string {
  return tables.map((table) => tableDifference(table, before, after, jumps)).join("");
}

function tableDifference(table: Table, before: RuleSet, after: RuleSet, jumps: readonly Jump[]): string {
  const old = before.get(table) ?? new Map<string, readonly string[]>();
  const wanted = after.get(table) ?? new Map<string, readonly string[]>();
  const written = [...wanted].filter(([chain, rules]) => !same(old.get(chain), rules));
  const gone = [...old.keys()].filter((chain) => !wanted.has(chain));
  const own = jumps.filter((jump) => jump.table === table);
  if (written.length === 0 && gone.length === 0 && own.length === 0) return "";
  return [
    `*${table}`,
    ...[...written.map(([chain]) => chain), ...gone].map((chain) => `:${chain} - [0:0]`),
    ...written.flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)),
    ...own.map(({ from, to }) => `-I ${from} 1 -j ${to}`),
    ...gone.map((chain) => `-X ${chain}`),
    "COMMIT\n",
  ].join("\n");
}

function same(a: readonly string[] | undefined, b: readonly string[]): boolean {
  return a !== undefined && a.length === b.length && a.every((rule, at) => rule === b[at]);
}

/**
 * What iptables-restore --noflush must read to take everything away whose chains begin with the prefix.
 *
 * @param saved what iptables-save tells.
 */
export function removal(saved: string, prefix: string): string {
  const output: string[] = [];
  for (const [table, lines] of savedTables(saved)) {
    const chains = lines.filter((line) => line.startsWith(`:${prefix}`)).map((line) => line.slice(1).split(" ")[0]);
    if (chains.length === 0) continue;
    output.push(
      `*${table}`,
      ...chains.map((chain) => `:${chain} - [0:0]`),
      ...lines.filter((line) => isJump(line, prefix)).map((line) => line.replace(/^-A /, "-D ")),
      ...chains.map((chain) => `-X ${chain}`),
      "COMMIT\n",
    );
  }
  return output.join("\n");
}

/** A rule of a chain that is not ours, to one that is. */
function isJump(line: string, prefix: string): boolean {
  return line.startsWith("-A ") && !line.startsWith(`-A ${prefix}`) && line.includes(` -j ${prefix}`);
}

/** Whether each jump is still there, with nothing but jumps of ours before it. */
export function jumpsInPlace(saved: string, jumps: readonly Jump[]): boolean {
  const byTable = savedTables(saved);
  return jumps.every(({ table, from, to }) => {
    const rules = (byTable.get(table) ?? []).filter((line) => line.startsWith(`-A ${from} `));
    const at = rules.indexOf(`-A ${from} -j ${to}`);
    // Chains of other clusters are as good before ours as behind.
    return at >= 0 && rules.slice(0, at).every((rule) => rule.includes(" -j PWT-"));
  });
}

function savedTables(saved: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of saved.split("\n")) {
    if (line.startsWith("*")) {
      lines = [];
      found.set(line.slice(1).trim(), lines);
    } else if (line !== "" && !line.startsWith("#")) lines.push(line.trimEnd());
  }
  return found;
}
