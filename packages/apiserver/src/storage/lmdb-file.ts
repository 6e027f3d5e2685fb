import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** The file is not what LMDB wrote. The message says where. */
export class LmdbFileError extends Error {}

interface Tree {
  flags: number;
  depth: number;
  entries: number;
  /** undefined when the tree is empty. */
  root: number | undefined;
}

interface Meta {
  transaction: number;
  pageSize: number;
  lastPage: number;
  free: Tree;
  main: Tree;
}

interface Entry {
  key: number;
  value: Buffer;
}

// The format is that of liblmdb/mdb.c (MDB_page_header, MDB_meta, MDB_node, MDB_ovpage), data version 2, 64-bit.
const pageHeaderBytes = 24;
const metaBytes = 144;
const nodeHeaderBytes = 8;
const magic = 0xbeefc0de;
const dataVersion = 2;
const branchPage = 0x01;
const leafPage = 0x02;
const overflowPage = 0x04;
const metaPage = 0x08;
const bigData = 0x01;
// MDB_INTEGERKEY, for the tree of free pages, and MDB_NOSUBDIR, for the environment.
const freeFlags = 0x4008;
const windowBytes = 256 * 1024;

/**
 * Reads an LMDB data file by itself, checking all it meets. LMDB trusts its file: it reads memory that is not there, and
 * the process dies, when the file is damaged. So what is opened is read with this first; which costs nothing extra, as
 * all records are read at the start anyway. Nobody may write meanwhile.
 */
export class LmdbFile {
  readonly #file: number;
  readonly #bytes: number;
  readonly #meta: Meta;
  /** A bit for each page that is part of a tree. */
  readonly #seen: Uint8Array;
  #window = Buffer.alloc(0);
  #windowStart = 0;

  /** Throws LmdbFileError when the file's first pages are not LMDB's, and what the file system throws. */
  constructor(path: string) {
    this.#file = openSync(path, "r");
    try {
      this.#bytes = fstatSync(this.#file).size;
      this.#meta = this.#readMeta();
      this.#seen = new Uint8Array(Math.ceil(this.#bytes / this.#meta.pageSize / 8) + 1);
    } catch (error) {
      closeSync(this.#file);
      throw error;
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  /** All entries of the main tree, whose keys are 8 bytes, by key. A value is good until the next step. Throws LmdbFileError. */
  *entries(): Generator<Entry> {
    yield* this.#tree(this.#meta.main, (page, offset) =>
      readKey(page.readUInt32BE(offset + 4), page.readUInt32BE(offset)),
    );
  }

  /** Checks the list of free pages: none may be in use. To be called after all entries were read. Throws LmdbFileError. */
  checkFreePages(): void {
    const free: number[] = [];
    const readPosition = (page: Buffer, offset: number) => readNumber(page, offset);
    for (const { value } of this.#tree(this.#meta.free, readPosition)) {
      const count = value.length < 8 ? 0 : readNumber(value, 0);
      check(value.length % 8 === 0 && (count + 1) * 8 <= value.length, "the list of free pages is cut off");
      let run = 1;
      for (let index = 1; index <= count; index++) {
        // A negative number is the length of the run of pages that begins with the number after it.
        const entry = Number(value.readBigInt64LE(index * 8));
        check(Math.abs(entry) <= this.#meta.lastPage, "the list of free pages has a page that is not there");
        if (entry > 0) for (let page = entry; page < entry + run; page++) free.push(page);
        run = entry < 0 ? -entry : 1;
      }
    }
    for (const page of free) check(!this.#isSeen(page), `page ${page} is both free and in use`);
  }

  #readMeta(): Meta {
    const first = this.#metaAt(0);
    check(first !== undefined, "it does not begin as an LMDB file");
    const second = this.#metaAt(first.pageSize);
    check(second !== undefined && second.pageSize === first.pageSize, "its second page is damaged");
    for (const [index, { transaction, lastPage, main, free }] of [first, second].entries()) {
      check(transaction === 0 || transaction % 2 === index, `page ${index} is of another transaction`);
      check(lastPage >= 1 && lastPage < 2 ** 32, `page ${index} is damaged`);
      check(main.flags === 0 && free.flags === freeFlags, `page ${index} is of another kind of database`);
    }
    // Transactions write the two in turn. In a new file both are of none, 0.
    check(Math.abs(first.transaction - second.transaction) <= 1, "its first pages are of other transactions");
    return second.transaction > first.transaction ? second : first;
  }

  #metaAt(offset: number): Meta | undefined {
    const page = Buffer.alloc(pageHeaderBytes + metaBytes);
    if (readSync(this.#file, page, 0, page.length, offset) < page.length) return undefined;
    const meta = page.subarray(pageHeaderBytes);
    if (page.readUInt16LE(18) !== metaPage || meta.readUInt32LE(0) !== magic) return undefined;
    check((meta.readUInt32LE(4) & 0xffff) === dataVersion, "it was made by another version of LMDB");
    const pageSize = meta.readUInt32LE(24);
    if (pageSize < 256 || pageSize > 65536 || (pageSize & (pageSize - 1)) !== 0) return undefined;
    if (readNumber(meta, 16) > 2 ** 46) return undefined;
    return {
      pageSize,
      free: readTree(meta, 24),
      main: readTree(meta, 72),
      lastPage: readNumber(meta, 120),
      transaction: readNumber(meta, 128),
    };
  }

  *#tree(tree: Tree, keyOf: (page: Buffer, offset: number) => number): Generator<Entry> {
    let count = 0;
    let last = -1;
    if (tree.root !== undefined) {
      check(tree.depth >= 1 && tree.depth <= 32, "the depth of a tree is damaged");
      for (const entry of this.#subtree(tree.root, tree.depth, 0, keyOf)) {
        check(entry.key > last, `key ${entry.key} is out of order`);
        last = entry.key;
        count++;
        yield entry;
      }
    }
    check(count === tree.entries, `${count} of ${tree.entries} entries are there`);
  }

  /** The entries below a page, none of whose keys is less than `least`. */
  *#subtree(
    number: number,
    depth: number,
    least: number,
    keyOf: (page: Buffer, offset: number) => number,
  ): Generator<Entry> {
    // Copied: the window moves on while the page is in use.
    const page = Buffer.from(this.#page(number, depth > 1 ? branchPage : leafPage));
    const nodes = this.#nodes(page, number);
    for (const [index, node] of nodes.entries()) {
      const keyBytes = page.readUInt16LE(node + 6);
      // The first key of a branch page is not used.
      const isUnkeyed = depth > 1 && index === 0;
      check(isUnkeyed || keyBytes === 8, `page ${number} has a key that is none of ours`);
      check(node + nodeHeaderBytes + keyBytes <= page.length, `page ${number} has a node that is cut off`);
      const key = isUnkeyed ? least : keyOf(page, node + nodeHeaderBytes);
      check(key >= least, `page ${number} is out of order`);
      if (depth === 1) {
        yield { key, value: this.#value(page, node, number) };
        continue;
      }
      const child = page.readUInt32LE(node) + page.readUInt16LE(node + 4) * 2 ** 32;
      yield* this.#subtree(child, depth - 1, key, keyOf);
    }
  }

  /** Where the nodes of a page begin. */
  #nodes(page: Buffer, number: number): number[] {
    const lower = page.readUInt16LE(20);
    const upper = page.readUInt16LE(22);
    const room = page.length - pageHeaderBytes;
    check(lower > 0 && lower % 2 === 0 && lower <= upper && upper <= room, `page ${number} is damaged`);
    return Array.from({ length: lower >> 1 }, (_, index) => {
      const offset = page.readUInt16LE(pageHeaderBytes + index * 2);
      check(offset >= upper && offset + nodeHeaderBytes <= room, `page ${number} has a node outside it`);
      return pageHeaderBytes + offset;
    });
  }

  #value(page: Buffer, node: number, number: number): Buffer {
    const size = page.readUInt32LE(node);
    const flags = page.readUInt16LE(node + 4);
    const start = node + nodeHeaderBytes + 8;
    if (flags === 0) {
      check(start + size <= page.length, `page ${number} has a value that is cut off`);
      return page.subarray(start, start + size);
    }
    check(flags === bigData && start + 24 <= page.length, `page ${number} has a node that is none of ours`);
    const first = readNumber(page, start);
    check(readNumber(page, start + 8) <= this.#meta.transaction, `page ${number} has a node of the future`);
    const pages = Math.ceil((pageHeaderBytes + size) / this.#meta.pageSize);
    check(readNumber(page, start + 16) === pages, `page ${number} has a value of another size`);
    return this.#page(first, overflowPage, pages).subarray(pageHeaderBytes, pageHeaderBytes + size);
  }

  /** Reads one page, or a value's run of pages, and checks its header. It is good until the next call. */
  #page(number: number, flags: number, count = 1): Buffer {
    const { pageSize, lastPage, transaction } = this.#meta;
    check(number >= 2 && number + count - 1 <= lastPage, `page ${number} is not there`);
    check((number + count) * pageSize <= this.#bytes, `the file ends before page ${number}`);
    for (let page = number; page < number + count; page++) {
      check(!this.#isSeen(page), `page ${page} is used twice`);
      this.#seen[page >> 3]! |= 1 << (page & 7);
    }
    const page = this.#read(number * pageSize, count * pageSize);
    check(readNumber(page, 0) === number && page.readUInt16LE(18) === flags, `page ${number} is another one`);
    check(readNumber(page, 8) <= transaction, `page ${number} is of the future`);
    check(flags !== overflowPage || page.readUInt32LE(20) === count, `page ${number} is of another size`);
    return page;
  }

  #isSeen(page: number): boolean {
    return (this.#seen[page >> 3]! & (1 << (page & 7))) !== 0;
  }

  #read(start: number, length: number): Buffer {
    const isInside = start >= this.#windowStart && start + length <= this.#windowStart + this.#window.length;
    if (!isInside) {
      const size = Math.min(Math.max(length, windowBytes), this.#bytes - start);
      if (this.#window.buffer.byteLength < size) this.#window = Buffer.allocUnsafeSlow(size);
      this.#window = Buffer.from(this.#window.buffer, 0, size);
      this.#windowStart = start;
      const got = readSync(this.#file, this.#window, 0, size, start);
      check(got === size, "the file became shorter while it was read");
    }
    return this.#window.subarray(start - this.#windowStart, start - this.#windowStart + length);
  }
}

function readTree(meta: Buffer, offset: number): Tree {
  return {
    flags: meta.readUInt16LE(offset + 4),
    depth: meta.readUInt16LE(offset + 6),
    entries: readNumber(meta, offset + 32),
    root: meta.readBigInt64LE(offset + 40) === -1n ? undefined : readNumber(meta, offset + 40),
  };
}

/** 64 bits; what is beyond 2^53 is damaged anyway. */
function readNumber(bytes: Buffer, offset: number): number {
  return readKey(bytes.readUInt32LE(offset), bytes.readUInt32LE(offset + 4));
}

function readKey(low: number, high: number): number {
  return high * 2 ** 32 + low;
}

function check(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new LmdbFileError(problem);
}
