/** What a command would do, for those that need no program: the simulated runtime's whole shell. */

/** The fate of a container whose command is understood: it ends by itself after a time. */
export interface CommandOutcome {
  durationMs: number;
  exitCode: number;
}

/** Not a command, or one that runs until it is stopped. */
const forever: CommandOutcome = { durationMs: Number.POSITIVE_INFINITY, exitCode: 0 };

/**
 * How a container's command and arguments end: `sleep N`, `exit N`, `true`, `false`, `echo …`, and lists of those
 * with `;`, `&&` and `||` behind `sh -c`. Everything else, an image's own entry point too, runs until it is stopped.
 *
 * @param command spec.containers[].command followed by .args
 */
export function commandOutcome(command: readonly string[]): CommandOutcome {
  const [program, ...rest] = command;
  if (program === undefined) return forever;
  const name = program.replace(/^.*\//, "");
  if (shells.has(name)) return shellOutcome(rest);
  return simpleOutcome([name, ...rest]) ?? forever;
}

const shells = new Set(["sh", "bash", "ash", "dash"]);

function shellOutcome(args: readonly string[]): CommandOutcome {
  // "-c", "-ec", "-e -c": the script is the first argument that is no option.
  const script = args.find((argument) => !argument.startsWith("-"));
  const hasScript = args.some((argument) => /^-[a-z]*c/.test(argument));
  if (!hasScript || script === undefined) return forever;
  const stopsAtError = args.some((argument) => /^-[a-z]*e/.test(argument));
  return scriptOutcome(script, stopsAtError);
}

function scriptOutcome(script: string, stopsAtError: boolean): CommandOutcome {
  let durationMs = 0;
  let exitCode = 0;
  let runsIf = (): boolean => true;
  for (const { words, separator } of splitScript(script)) {
    if (words.length > 0 && runsIf()) {
      if (words[0] === "set" && words[1] === "-e") stopsAtError = true;
      const outcome = words[0] === "exec" ? commandOutcome(words.slice(1)) : nested(words);
      if (outcome === undefined) return forever;
      durationMs += outcome.durationMs;
      exitCode = outcome.exitCode;
      if (durationMs === Number.POSITIVE_INFINITY) return forever;
      const guarded = separator === "&&" || separator === "||";
      if (words[0] === "exit" || words[0] === "exec" || (stopsAtError && exitCode !== 0 && !guarded)) break;
    }
    const code = exitCode;
    runsIf = separator === "&&" ? () => code === 0 : separator === "||" ? () => code !== 0 : () => true;
  }
  return { durationMs, exitCode };
}

function nested(words: string[]): CommandOutcome | undefined {
  // Pipes and jobs in the background are beyond this shell.
  if (words.includes("&") || words.includes("|")) return undefined;
  return shells.has(words[0] ?? "") ? shellOutcome(words.slice(1)) : simpleOutcome(words);
}

/** Undefined for a command that is not known. */
function simpleOutcome(words: readonly string[]): CommandOutcome | undefined {
  const [name, argument] = words;
  switch (name) {
    case "true":
    case ":":
    case "echo":
    case "printf":
    case "set":
    case "export":
    case "cd":
    case "pwd":
    case "date":
    case "hostname":
    case "id":
    case "whoami":
    case "env":
    case "ls":
    case "touch":
    case "mkdir":
      return { durationMs: 0, exitCode: 0 };
    case "false":
      return { durationMs: 0, exitCode: 1 };
    case "exit":
      return { durationMs: 0, exitCode: Number.parseInt(argument ?? "0", 10) & 0xff || 0 };
    case "sleep":
      return sleepOutcome(words.slice(1));
    default:
      return undefined;
  }
}

const unitMs: Record<string, number> = { "": 1000, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function sleepOutcome(durations: readonly string[]): CommandOutcome {
  if (durations.includes("infinity") || durations.includes("inf")) return forever;
  let durationMs = 0;
  for (const duration of durations) {
    const match = /^(\d*\.?\d+)([smhd]?)$/.exec(duration);
    if (match === null) return { durationMs: 0, exitCode: 1 };
    durationMs += Number(match[1]) * (unitMs[match[2] ?? ""] ?? 0);
  }
  return durations.length === 0 ? { durationMs: 0, exitCode: 1 } : { durationMs, exitCode: 0 };
}

interface ScriptPart {
  words: string[];
  /** What stands behind it. */
  separator: ";" | "&&" | "||" | "";
}

/** Cuts a script into its commands; quotes keep words together, redirections are dropped. */
function splitScript(script: string): ScriptPart[] {
  const parts: ScriptPart[] = [];
  let words: string[] = [];
  for (const [token] of script.matchAll(/"(?:[^"\\]|\\.)*"|'[^']*'|&&|\|\||[;\n]|[^\s;&|"']+|[&|]/g)) {
    if (token === ";" || token === "\n" || token === "&&" || token === "||") {
      parts.push({ words: withoutRedirections(words), separator: token === "\n" ? ";" : token });
      words = [];
    } else words.push(/^["']/.test(token) ? token.slice(1, -1) : token);
  }
  parts.push({ words: withoutRedirections(words), separator: "" });
  return parts;
}

function withoutRedirections(words: readonly string[]): string[] {
  const at = words.findIndex((word) => /^\d?[<>]/.test(word));
  return at < 0 ? [...words] : words.slice(0, at);
}
