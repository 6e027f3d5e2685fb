import { canonicalJson, type JsonValue } from "@podwright/kube";

const context = 3;

/** What changed between two values, as a unified diff of their JSON, for messages that refuse an update. */
export function jsonDiff(before: JsonValue | undefined, after: JsonValue | undefined): string {
  return unifiedDiff(lines(before), lines(after));
}

function lines(value: JsonValue | undefined): string[] {
  // Keys sorted: their order is no difference.
  return JSON.stringify(JSON.parse(canonicalJson(value)), null, 1).split("\n");
}

interface Line {
  mark: " " | "-" | "+";
  text: string;
}

function unifiedDiff(before: string[], after: string[]): string {
  const script = editScript(before, after);
  let output = "";
  let start = 0;
  let [beforeLine, afterLine] = [1, 1];
  for (let i = 0; i < script.length; i++) {
    if (script[i]?.mark === " ") continue;
    // A hunk goes on as long as changes are close to each other.
    let end = i;
    for (let j = i; j < script.length && j - end <= 2 * context; j++) if (script[j]?.mark !== " ") end = j;
    const from = Math.max(start, i - context);
    for (; start < from; start++) [beforeLine, afterLine] = advance(script[start], beforeLine, afterLine);
    const hunk = script.slice(from, end + 1 + context);
    const count = (mark: string) => hunk.filter((line) => line.mark !== mark).length;
    output += `@@ -${beforeLine},${count("+")} +${afterLine},${count("-")} @@\n`;
    for (const line of hunk) {
      output += `${line.mark}${line.text}\n`;
      [beforeLine, afterLine] = advance(line, beforeLine, afterLine);
    }
    start = from + hunk.length;
    i = start - 1;
  }
  return output;
}

function advance(line: Line | undefined, beforeLine: number, afterLine: number): [number, number] {
  return [beforeLine + (line?.mark === "+" ? 0 : 1), afterLine + (line?.mark === "-" ? 0 : 1)];
}

/** From the longest common subsequence of what is left when equal ends are cut off. */
function editScript(before: string[], after: string[]): Line[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  let tail = 0;
  while (
    tail < before.length - head &&
    tail < after.length - head &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  ) {
    tail++;
  }
  const a = before.slice(head, before.length - tail);
  const b = after.slice(head, after.length - tail);
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  const at = (i: number, j: number) => lengths[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const row = lengths[i];
      if (row) row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const kept = (texts: string[]): Line[] => texts.map((text) => ({ mark: " ", text }));
  const script = kept(before.slice(0, head));
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      script.push({ mark: " ", text: a[i] ?? "" });
      i++;
      j++;
    } else if (i < a.length && (j === b.length || at(i + 1, j) >= at(i, j + 1))) {
      script.push({ mark: "-", text: a[i++] ?? "" });
    } else {
      script.push({ mark: "+", text: b[j++] ?? "" });
    }
  }
  return [...script, ...kept(before.slice(before.length - tail))];
}
