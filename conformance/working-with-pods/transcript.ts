/** Commands and their output as a README shows them, and how the output of another run is compared with it. */

export interface Block {
  /** Runs beside the blocks after it, until the next of its kind: `console second terminal`. */
  beside: boolean;
  steps: Step[];
}

export interface Step {
  /** With its continuation lines. */
  command: string;
  /** What a person types while it runs, after prompts "/ # ". */
  typed: string[];
  output: string;
}

/** The blocks of a Markdown text whose language is console. */
export function consoleBlocks(markdown: string): Block[] {
  return [...markdown.matchAll(/^```console(.*)\n([\s\S]*?)^```$/gm)].map(([, info = "", text = ""]) => ({
    beside: info.includes("second terminal"),
    steps: text
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [first = "", ...rest] = part.split("\n");
        return { command: first, typed: typedIn(rest), output: rest.join("\n") };
      }),
  }));
}

const prompt = "/ # ";

function typedIn(lines: string[]): string[] {
  return lines.filter((line) => line.startsWith(prompt)).map((line) => line.slice(prompt.length));
}

/** The same Markdown with other outputs, in the order of the steps. */
export function withOutputs(markdown: string, outputs: readonly string[]): string {
  let next = 0;
  return markdown.replace(/^```console(.*)\n([\s\S]*?)^```$/gm, (_all, info: string, text: string) => {
    const steps = text.split(/^\$ /m).slice(1);
    const written = steps.map((step) => {
      const output = (outputs[next++] ?? "").replace(/[ \t]+$/gm, "").replace(/\n*$/, "");
      return `$ ${step.split("\n")[0]}\n${output === "" ? "" : `${output}\n`}`;
    });
    return `\`\`\`console${info}\n${written.join("")}\`\`\``;
  });
}

/** What differs from run to run and from machine to machine becomes the same; widths of columns too. */
export function masked(output: string, node: string): string[] {
  return output
    .replaceAll("\r", "")
    .replaceAll(node, "NODE")
    .replace(/\b(node-1|podwright-real-node)\b/g, "NODE")
    .replace(/\b\d{1,3}(\.\d{1,3}){3}\b/g, "IP")
    .replace(/\b[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} [\d:]{8} [+-]\d{4}/g, "TIME")
    .replace(/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, "TIME")
    .replace(/(docker|containerd):\/\/[0-9a-f]{64}/g, "CONTAINER")
    .replace(/(?:docker\.io\/\S+@)?sha256:[0-9a-f]{64}/g, "IMAGE")
    .replace(/ \(\S+ ago\)/g, "")
    .replace(/<invalid>|\b(?:\d+[smhd])+\b/g, "AGE")
    .replace(/\b(web-deploy-)[0-9a-z]{7,10}-[0-9a-z]{5}\b/g, "$1POD")
    .replace(/\b(web-deploy-)[0-9a-z]{7,10}\b/g, "$1HASH")
    .replace(/\b(kube-api-access-)[0-9a-z]{5}\b/g, "$1SUFFIX")
    .replace(/^ +\d+ (root +)/gm, "PID $1")
    .split("\n")
    .map((line) => line.trim().replace(/\s+/g, " "))
    .filter((line) => line !== "");
}

/** Whether the lines appear in the output, in their order. */
export function missingLine(lines: readonly string[], output: readonly string[]): string | undefined {
  let from = 0;
  for (const line of lines) {
    const at = output.indexOf(line, from);
    if (at < 0) return line;
    from = at + 1;
  }
  return undefined;
}
