import protobuf from "protobufjs/minimal.js";

const { Reader, Writer } = protobuf;
type ReaderOf = InstanceType<typeof Reader>;
type WriterOf = InstanceType<typeof Writer>;

/** How one value is written and read. */
interface Coding<T> {
  /** The wire type: 0 varint, 1 eight bytes, 2 with its length before it, 5 four bytes. */
  wire: 0 | 1 | 2 | 5;
  write(writer: WriterOf, value: T): void;
  read(reader: ReaderOf): T;
}

/** A field of a message: its number, and its value's type. */
export interface Field<T> {
  number: number;
  /** What it is when it is not on the wire. */
  initial(): T;
  write(writer: WriterOf, value: T): void;
  /** Takes in what comes next; `before` is what there is of it already. */
  read(reader: ReaderOf, wire: number, before: T): T;
}

// biome-ignore lint/suspicious/noExplicitAny: a table of fields of any types; what is taken from it is typed.
export type Fields = Record<string, Field<any>>;
type ValueOf<F extends Fields> = { [Name in keyof F]: F[Name] extends Field<infer T> ? T : never };

/** A protobuf message: how its values become bytes and come back. */
export interface Message<T> {
  /** Fields that are not given, or undefined, are not sent. */
  encode(value: Partial<T>): Buffer;
  /** Fields that are not sent have their initial value; unknown ones are passed over. Throws on bytes that are none. */
  decode(bytes: Uint8Array): T;
}

/** The values of a message: `type Image = ValueOfMessage<typeof image>`. */
export type ValueOfMessage<M> = M extends Message<infer T> ? T : never;

/** Defines a message by its fields; their names are ours, their numbers are the protocol's. */
export function message<F extends Fields>(fields: F): Message<ValueOf<F>> {
  type T = ValueOf<F>;
  const entries = Object.entries(fields);
  const byNumber = new Map(entries.map(([name, field]) => [field.number, { name, field }]));
  return {
    encode(value) {
      const writer = Writer.create();
      for (const [name, field] of entries) {
        const given = (value as Record<string, unknown>)[name];
        if (given !== undefined) field.write(writer, given);
      }
      return Buffer.from(writer.finish());
    },
    decode(bytes) {
      const reader = Reader.create(bytes);
      const value: Record<string, unknown> = {};
      for (const [name, field] of entries) value[name] = field.initial();
      while (reader.pos < reader.len) {
        const tag = reader.uint32();
        const known = byNumber.get(tag >>> 3);
        if (known === undefined) reader.skipType(tag & 7);
        else value[known.name] = known.field.read(reader, tag & 7, value[known.name]);
      }
      return value as T;
    },
  };
}

/** int64 as a number: exact up to 2^53. */
const asNumber = (value: unknown): number =>
  typeof value === "number" ? value : (value as { toNumber(): number }).toNumber();

const codings = {
  string: { wire: 2, write: (w, v) => w.string(v), read: (r) => r.string() } as Coding<string>,
  bytes: { wire: 2, write: (w, v) => w.bytes(v), read: (r) => Buffer.from(r.bytes()) } as Coding<Buffer>,
  bool: { wire: 0, write: (w, v) => w.bool(v), read: (r) => r.bool() } as Coding<boolean>,
  int32: { wire: 0, write: (w, v) => w.int32(v), read: (r) => r.int32() } as Coding<number>,
  uint32: { wire: 0, write: (w, v) => w.uint32(v), read: (r) => r.uint32() } as Coding<number>,
  int64: { wire: 0, write: (w, v) => w.int64(v), read: (r) => asNumber(r.int64()) } as Coding<number>,
  uint64: { wire: 0, write: (w, v) => w.uint64(v), read: (r) => asNumber(r.uint64()) } as Coding<number>,
  double: { wire: 1, write: (w, v) => w.double(v), read: (r) => r.double() } as Coding<number>,
} as const;

function single<T>(number: number, coding: Coding<T>, initial: () => T): Field<T> {
  return {
    number,
    initial,
    write(writer, value) {
      writer.uint32((number << 3) | coding.wire);
      coding.write(writer, value);
    },
    read: (reader) => coding.read(reader),
  };
}

export const string = (number: number) => single(number, codings.string, () => "");
export const bytes = (number: number) => single(number, codings.bytes, () => Buffer.alloc(0));
export const bool = (number: number) => single(number, codings.bool, () => false);
/** Enumerations too. */
export const int32 = (number: number) => single(number, codings.int32, () => 0);
export const uint32 = (number: number) => single(number, codings.uint32, () => 0);
export const int64 = (number: number) => single(number, codings.int64, () => 0);
export const uint64 = (number: number) => single(number, codings.uint64, () => 0);
export const double = (number: number) => single(number, codings.double, () => 0);

function nestedCoding<T>(type: Message<T>): Coding<Partial<T>> {
  return {
    wire: 2,
    write: (writer, value) => writer.bytes(type.encode(value)),
    read: (reader) => type.decode(reader.bytes()) as Partial<T>,
  };
}

/** A message within; undefined when there is none. */
export function nested<T>(number: number, type: Message<T>): Field<T | undefined> {
  return single(number, nestedCoding(type) as Coding<T | undefined>, () => undefined);
}

type ScalarName = keyof typeof codings;
type ScalarOf<N extends ScalarName> = (typeof codings)[N] extends Coding<infer T> ? T : never;

function listOf<T>(number: number, coding: Coding<T>): Field<T[]> {
  return {
    number,
    initial: () => [],
    write(writer, values) {
      for (const value of values) {
        writer.uint32((number << 3) | coding.wire);
        coding.write(writer, value);
      }
    },
    read(reader, wire, before) {
      // Numbers may come packed, all in one.
      if (wire === 2 && coding.wire !== 2) {
        const end = reader.uint32() + reader.pos;
        while (reader.pos < end) before.push(coding.read(reader));
      } else before.push(coding.read(reader));
      return before;
    },
  };
}

export function repeated<N extends ScalarName>(number: number, name: N): Field<ScalarOf<N>[]> {
  return listOf(number, codings[name] as unknown as Coding<ScalarOf<N>>);
}

export function repeatedMessages<T>(number: number, type: Message<T>): Field<T[]> {
  return listOf(number, nestedCoding(type) as Coding<T>);
}

/** A map from strings to strings. */
export function stringMap(number: number): Field<Record<string, string>> {
  return {
    number,
    initial: () => ({}),
    write(writer, values) {
      for (const [key, value] of Object.entries(values)) {
        writer.uint32((number << 3) | 2).fork();
        writer.uint32((1 << 3) | 2).string(key);
        writer.uint32((2 << 3) | 2).string(value);
        writer.ldelim();
      }
    },
    read(reader, _wire, before) {
      const end = reader.uint32() + reader.pos;
      let key = "";
      let value = "";
      while (reader.pos < end) {
        const tag = reader.uint32();
        if (tag >>> 3 === 1) key = reader.string();
        else if (tag >>> 3 === 2) value = reader.string();
        else reader.skipType(tag & 7);
      }
      // A key may be "__proto__".
      Object.defineProperty(before, key, { value, enumerable: true, configurable: true, writable: true });
      return before;
    },
  };
}
