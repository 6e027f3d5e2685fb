/** The objects of a stream of JSON texts, one a line; what follows the last newline counts too. */
export async function* jsonLines<T>(source: AsyncIterable<Buffer | string>): AsyncGenerator<T> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of source) {
    rest += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
    let from = 0;
    for (let end = rest.indexOf("\n", from); end >= 0; end = rest.indexOf("\n", from)) {
      const line = rest.slice(from, end).trim();
      from = end + 1;
      if (line !== "") yield JSON.parse(line) as T;
    }
    rest = rest.slice(from);
    if (rest.length > 16 << 20) throw new Error("a line of JSON is longer than 16 MiB");
  }
  if (rest.trim() !== "") yield JSON.parse(rest) as T;
}
