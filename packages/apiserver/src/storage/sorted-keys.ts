// Splitting at this size keeps an insertion's copying small, and the list of chunks short, up to some 10^6 keys.
const longestChunk = 512;

/**
 * Items in the order of their keys, for ranges: a list of sorted chunks. Keys compare by UTF-16 code units, which is
 * the order of their bytes for all names that Kubernetes allows.
 */
export class SortedKeys<T extends { readonly key: string }> {
  readonly #chunks: T[][] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds an item whose key is not there yet. */
  insert(item: T): void {
    this.#size++;
    const index = Math.max(this.#chunkOf(item.key), 0);
    const chunk = this.#chunks[index];
    if (chunk === undefined) {
      this.#chunks.push([item]);
      return;
    }
    chunk.splice(lowerBound(chunk, item.key), 0, item);
    if (chunk.length <= longestChunk) return;
    // Keys that come in order fill chunks rather than leave them half empty.
    const middle = chunk[chunk.length - 1] === item ? chunk.length - 1 : chunk.length >> 1;
    this.#chunks.splice(index + 1, 0, chunk.splice(middle));
  }

  delete(key: string): void {
    const index = this.#chunkOf(key);
    const chunk = this.#chunks[index];
    if (chunk === undefined) return;
    const position = lowerBound(chunk, key);
    if (chunk[position]?.key !== key) return;
    this.#size--;
    if (chunk.length === 1) this.#chunks.splice(index, 1);
    else chunk.splice(position, 1);
  }

  /** Calls `visit` for each item whose key begins with `prefix`, from the key `start` on, in order. */
  visit(prefix: string, start: string, visit: (item: T) => void): void {
    const from = start > prefix ? start : prefix;
    const first = Math.max(this.#chunkOf(from), 0);
    for (let index = first; index < this.#chunks.length; index++) {
      const chunk = this.#chunks[index]!;
      // What lies between two keys with the prefix has it too.
      const isInside = chunk[chunk.length - 1]!.key.startsWith(prefix);
      for (let position = index === first ? lowerBound(chunk, from) : 0; position < chunk.length; position++) {
        const item = chunk[position]!;
        if (!isInside && !item.key.startsWith(prefix)) return;
        visit(item);
      }
    }
  }

  /** The last chunk that begins at or before the key; -1 when all begin after it. */
  #chunkOf(key: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#chunks[middle]![0]!.key <= key) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** The position of the first item whose key is not below `key`. */
function lowerBound<T extends { readonly key: string }>(chunk: T[], key: string): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (chunk[middle]!.key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
