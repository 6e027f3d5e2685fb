const context = 2;

/** The lines that differ with two around each, "-" and "+" before them; "" when none does. For texts of some thousand lines. */
export function lineDiff(before: string, after: string): string {
  const a = before === "" ? [] : before.split("\n");
  const b = after === "" ? [] : after.split("\n");
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  if (start === a.length && start === b.length) return "";
  const changes = middle(a.slice(start, a.length - end), b.slice(start, b.length - end));
  const lines = [
    ...a.slice(Math.max(0, start - context), start).map((line) => ` ${line}`),
    ...changes,
    ...a.slice(a.length - end, a.length - end + context).map((line) => ` ${line}`),
  ];
  const near = lines.map((_, at) =>
    lines.slice(Math.max(0, at - context), at + context + 1).some((line) => !line.startsWith(" ")),
  );
  return lines.filter((_, at) => near[at]).join("\n");
}

/** No longer than the limit, but for a mark. */
export function shortened(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit)}\n…` : text;
}

/** By the longest common subsequence; what is too large for that table is taken out and put in as a whole. */
function middle(a: readonly string[], b: readonly string[]): string[] {
  if (a.length * b.length > 4_000_000) return [...a.map((line) => `-${line}`), ...b.map((line) => `+${line}`)];
  const width = b.length + 1;
  const common = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * width + j] =
        a[i] === b[j]
          ? (common[(i + 1) * width + j + 1] as number) + 1
          : Math.max(common[(i + 1) * width + j] as number, common[i * width + j + 1] as number);
    }
  }
  const lines: string[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push(` ${a[i++]}`);
      j++;
    } else if (
      j >= b.length ||
      (i < a.length && (common[(i + 1) * width + j] as number) >= (common[i * width + j + 1] as number))
    ) {
      lines.push(`-${a[i++]}`);
    } else lines.push(`+${b[j++]}`);
  }
  return lines;
}
