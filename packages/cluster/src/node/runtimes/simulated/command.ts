/** What a command would do, for those that need no program: the simulated runtime's whole shell. */
import { branches, closing, keywordOf, withoutFirstWord } from "./shell-blocks.ts";
import { plain, type ScriptPart, splitScript, type Word } from "./shell-words.ts";

/** The fate of a container whose command is understood: it ends by itself after a time. */
export interface CommandOutcome {
  durationMs: number;
  exitCode: number;
  /** What it writes until then, or until it is stopped. */
  output: CommandOutput[];
}

export interface CommandOutput {
  /** Since the start. */
  atMs: number;
  stream: "stdout" | "stderr";
  text: string;
}

/**
 * How a container's command and arguments end, and what they write: `sleep N`, `exit N`, `true`, `false`, `echo …`,
 * `[ … ]`, and lists of those with `;`, `&&`, `||`, `if` and `for` behind `sh -c`. Everything else, an image's own
 * entry point too, runs until it is stopped.
 *
 * @param command spec.containers[].command followed by .args
 * @param env what `$NAME` stands for.
 */
export function commandOutcome(command: readonly string[], env: Readonly<Record<string, string>> = {}): CommandOutcome {
  const shell = new Shell(env);
  const forever = command.length === 0 || shell.run(command) === "forever";
  return {
    durationMs: forever ? Number.POSITIVE_INFINITY : shell.nowMs,
    exitCode: forever ? 0 : shell.exitCode,
    output: shell.output,
  };
}

/** How one command went: on to the next, out of the script, or never to its end. */
type Went = "on" | "exit" | "forever";

const shells = new Set(["sh", "bash", "ash", "dash"]);
const silent = new Set("true : set export cd touch mkdir rm cp mv chmod chown sync trap unset wait umask".split(" "));
/** They say something that is not known here. */
const mute = new Set("date id whoami env ls uname".split(" "));

class Shell {
  readonly output: CommandOutput[] = [];
  nowMs = 0;
  exitCode = 0;
  readonly #env: Record<string, string>;
  #stopsAtError = false;

  constructor(env: Readonly<Record<string, string>>) {
    this.#env = { ...env };
  }

  /** A program with its arguments. */
  run(words: readonly string[], to: ScriptPart["to"] = "stdout"): Went {
    const [program = "", ...args] = words;
    const name = program.replace(/^.*\/(?=.)/, "");
    if (shells.has(name)) return this.#runShell(args);
    this.exitCode = 0;
    if (silent.has(name)) {
      if (name === "set" && args[0]?.startsWith("-") && args[0].includes("e")) this.#stopsAtError = true;
      if (name === "export") for (const argument of args) this.#assign(argument);
      return "on";
    }
    if (mute.has(name)) return "on";
    switch (name) {
      case "echo":
        return this.#write(echoed(args), to);
      case "printf":
        return this.#write(printed(args), to);
      case "hostname":
        return this.#write(`${this.#env["HOSTNAME"] ?? ""}\n`, to);
      case "pwd":
        return this.#write("/\n", to);
      case "false":
        this.exitCode = 1;
        return "on";
      case "exit":
        this.exitCode = Number.parseInt(args[0] ?? "0", 10) & 0xff || 0;
        return "exit";
      case "sleep":
        return this.#sleep(args);
      case "test":
      case "[":
        this.exitCode = isTrue(args.at(-1) === "]" ? args.slice(0, -1) : args) ? 0 : 1;
        return "on";
      default:
        return "forever";
    }
  }

  #runShell(args: readonly string[]): Went {
    // "-c", "-ec", "-e -c": the script is the first argument that is no option.
    const script = args.find((argument) => !argument.startsWith("-"));
    const hasScript = args.some((argument) => /^-[a-z]*c/.test(argument));
    if (!hasScript || script === undefined) return "forever";
    const before = this.#stopsAtError;
    this.#stopsAtError = args.some((argument) => /^-[a-z]*e/.test(argument));
    const went = this.#runParts(splitScript(script));
    this.#stopsAtError = before;
    return went === "exit" ? "on" : went;
  }

  #runParts(parts: readonly ScriptPart[]): Went {
    let skipped = false;
    for (let at = 0; at < parts.length; at++) {
      const part = parts[at] as ScriptPart;
      const keyword = keywordOf(part);
      const last = keyword === "for" || keyword === "if" ? closing(parts, at) : at;
      if (part.words.length > 0 && !skipped) {
        const went = last > at ? this.#runBlock(parts.slice(at, last), keyword) : this.#runPart(part);
        if (went !== "on") return went;
        const guarded = part.separator === "&&" || part.separator === "||";
        if (this.#stopsAtError && this.exitCode !== 0 && !guarded && last === at) return "exit";
      }
      at = last;
      const { separator } = parts[at] as ScriptPart;
      skipped = separator === "&&" ? this.exitCode !== 0 : separator === "||" && this.exitCode === 0;
    }
    return "on";
  }

  #runPart({ words, to, complex }: ScriptPart): Went {
    if (complex) return "forever";
    const expanded = words.map((word) => this.#expand(word)).filter((word) => word !== undefined);
    while (expanded[0] !== undefined && /^[A-Za-z_]\w*=/.test(expanded[0])) this.#assign(expanded.shift() as string);
    if (expanded.length === 0) return "on";
    if (expanded[0] !== "exec") return this.run(expanded, to);
    const went = this.run(expanded.slice(1), to);
    return went === "on" ? "exit" : went;
  }

  /** @param parts from `for` or `if` to before `done` or `fi`. */
  #runBlock(parts: readonly ScriptPart[], keyword: string): Went {
    if (keyword === "for") {
      const [, name, , ...values] = (parts[0] as ScriptPart).words;
      const body = withoutFirstWord(parts.slice(1));
      for (const value of values) {
        this.#env[plain(name ?? [])] = this.#expand(value) ?? "";
        const went = this.#runParts(body);
        if (went !== "on") return went;
      }
      return "on";
    }
    const sections = branches(parts);
    for (let at = 0; at < sections.length; at += 2) {
      const [condition = [], body] = sections.slice(at, at + 2);
      const strict = this.#stopsAtError;
      // What is asked may fail.
      this.#stopsAtError = body === undefined && strict;
      const went = this.#runParts(condition);
      this.#stopsAtError = strict;
      if (went !== "on" || body === undefined) return went;
      if (this.exitCode === 0) return this.#runParts(body);
      this.exitCode = 0;
    }
    return "on";
  }

  #expand(word: Word): string | undefined {
    const text = word.map((segment) => (segment.expands ? this.#substitute(segment.text) : segment.text)).join("");
    return text === "" && !word.some(({ quoted }) => quoted) ? undefined : text;
  }

  #substitute(text: string): string {
    return text.replace(
      /\$\(([^)]*)\)|\$\{(\w+)(?::-([^}]*))?\}|\$(\w+|\?)/g,
      (_all, script: string | undefined, braced: string | undefined, otherwise = "", name: string | undefined) => {
        if (script !== undefined) return this.#outputOf(script);
        if (name === "?") return `${this.exitCode}`;
        return this.#env[braced ?? name ?? ""] || otherwise;
      },
    );
  }

  #outputOf(script: string): string {
    const inner = new Shell(this.#env);
    inner.#runParts(splitScript(script));
    return inner.output
      .map(({ text }) => text)
      .join("")
      .replace(/\n+$/, "");
  }

  #assign(text: string): void {
    const [, name, value] = /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(text) ?? [];
    if (name !== undefined) this.#env[name] = value ?? "";
  }

  #write(text: string, to: ScriptPart["to"]): Went {
    if (to !== "nowhere" && text !== "") this.output.push({ atMs: this.nowMs, stream: to, text });
    return "on";
  }

  #sleep(durations: readonly string[]): Went {
    if (durations.includes("infinity") || durations.includes("inf")) return "forever";
    let durationMs = 0;
    for (const duration of durations) {
      const match = /^(\d*\.?\d+)([smhd]?)$/.exec(duration);
      if (match === null) {
        this.exitCode = 1;
        return "on";
      }
      durationMs += Number(match[1]) * (unitMs[match[2] ?? ""] ?? 0);
    }
    if (durations.length === 0) this.exitCode = 1;
    this.nowMs += durationMs;
    return "on";
  }
}

const unitMs: Record<string, number> = { "": 1000, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function echoed(args: readonly string[]): string {
  let rest = [...args];
  let end = "\n";
  let escapes = false;
  while (/^-[neE]+$/.test(rest[0] ?? "")) {
    if (rest[0]?.includes("n")) end = "";
    if (rest[0]?.includes("e")) escapes = true;
    rest = rest.slice(1);
  }
  const text = rest.join(" ");
  return (escapes ? unescaped(text) : text) + end;
}

function printed([format = "", ...values]: readonly string[]): string {
  return unescaped(format).replace(/%[sd%]/g, (mark) => (mark === "%%" ? "%" : (values.shift() ?? "")));
}

function unescaped(text: string): string {
  const letters: Record<string, string> = { n: "\n", t: "\t", r: "\r", "\\": "\\" };
  return text.replace(/\\([ntr\\])/g, (_all, letter: string) => letters[letter] ?? "");
}

function isTrue(args: readonly string[]): boolean {
  if (args[0] === "!") return !isTrue(args.slice(1));
  const [left = "", operator, right = ""] = args;
  if (args.length === 1) return left !== "";
  if (args.length === 2) return left === "-n" ? operator !== "" : left === "-z" && operator === "";
  switch (operator) {
    case "=":
    case "==":
      return left === right;
    case "!=":
      return left !== right;
    case "-eq":
      return Number(left) === Number(right);
    case "-ne":
      return Number(left) !== Number(right);
    case "-lt":
      return Number(left) < Number(right);
    case "-gt":
      return Number(left) > Number(right);
    default:
      return false;
  }
}
