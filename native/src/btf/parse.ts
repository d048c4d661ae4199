/** Reads the BPF Type Format (Documentation/bpf/btf.rst). Throws nothing but BtfError, whatever the bytes. */
import { BtfError, type BtfMember, type BtfType, BtfTypes } from "./types.js";

const MAGIC = 0xeb9f;
const MAGIC_SWAPPED = 0x9feb;
const MIN_HEADER_BYTES = 24;
const TYPE_BYTES = 12;
/** The kernel's own limit on types, with room. */
const MAX_TYPES = 4_000_000;
const MAX_INT_BYTES = 16;

interface Sections {
  readonly types: Buffer;
  readonly strings: Buffer;
}

/** What every type starts with: name, kind and number of parts, and a size or another type's number. */
interface Head {
  readonly name: string;
  readonly count: number;
  readonly flag: boolean;
  readonly sizeOrType: number;
}

export function parseBtf(bytes: Buffer): BtfTypes {
  const { types, strings } = readHeader(bytes);
  const reader = new TypeReader(types, strings);
  const result: BtfType[] = [{ kind: "void", name: "void" }];
  while (!reader.atEnd) {
    if (result.length > MAX_TYPES) throw new BtfError("too many types");
    result.push(reader.next());
  }
  return new BtfTypes(result);
}

function readHeader(bytes: Buffer): Sections {
  if (bytes.length < MIN_HEADER_BYTES) throw new BtfError(`${bytes.length} bytes are too few for type information`);
  const magic = bytes.readUInt16LE(0);
  if (magic === MAGIC_SWAPPED) throw new BtfError("the type information is big-endian: compile for this machine");
  if (magic !== MAGIC) throw new BtfError("this is no type information: its first two bytes are not the BTF mark");
  const headerBytes = bytes.readUInt32LE(4);
  if (headerBytes < MIN_HEADER_BYTES || headerBytes > bytes.length) throw new BtfError("bad header length");
  const section = (at: number, what: string): Buffer => {
    const start = headerBytes + bytes.readUInt32LE(at);
    const end = start + bytes.readUInt32LE(at + 4);
    if (end > bytes.length) throw new BtfError(`the ${what} go beyond the end`);
    return bytes.subarray(start, end);
  };
  return { types: section(8, "types"), strings: section(16, "strings") };
}

class TypeReader {
  #at = 0;

  constructor(
    private readonly types: Buffer,
    private readonly strings: Buffer,
  ) {}

  get atEnd(): boolean {
    return this.#at >= this.types.length;
  }

  next(): BtfType {
    const start = this.#take(TYPE_BYTES);
    const info = this.types.readUInt32LE(start + 4);
    const head: Head = {
      name: this.#string(this.types.readUInt32LE(start)),
      count: info & 0xffff,
      flag: info >>> 31 === 1,
      sizeOrType: this.types.readUInt32LE(start + 8),
    };
    const kind = (info >>> 24) & 0x1f;
    const read = READERS[kind];
    if (read === undefined) throw new BtfError(`type of an unknown kind, ${kind}`);
    return read(head, this);
  }

  u32(): number {
    return this.types.readUInt32LE(this.#take(4));
  }

  i32(): number {
    return this.types.readInt32LE(this.#take(4));
  }

  /** `count` parts of `bytes` each; fails before anything is made of them where they are not there. */
  list<T>(count: number, bytes: number, read: () => T): T[] {
    if (this.#at + count * bytes > this.types.length) throw new BtfError("the types end in the middle of one");
    return Array.from({ length: count }, read);
  }

  name(): string {
    return this.#string(this.u32());
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.types.length) throw new BtfError("the types end in the middle of one");
    this.#at += bytes;
    return at;
  }

  #string(offset: number): string {
    if (offset === 0) return "";
    const end = offset < this.strings.length ? this.strings.indexOf(0, offset) : -1;
    if (end < 0) throw new BtfError("a name lies beyond the strings");
    return this.strings.toString("utf8", offset, end);
  }
}

type Read = (head: Head, reader: TypeReader) => BtfType;

const reference =
  (kind: "typedef" | "qualifier" | "pointer" | "function"): Read =>
  ({ name, sizeOrType }) => ({ kind, name, target: sizeOrType });

const forward: Read = ({ name }) => ({ kind: "forward", name });

const float: Read = ({ name, sizeOrType }) => ({ kind: "float", name, size: sizeOrType });

const composite =
  (kind: "struct" | "union"): Read =>
  ({ name, count, flag, sizeOrType }, reader) => ({
    kind,
    name,
    size: sizeOrType,
    members: reader.list(count, 12, () => member(reader, flag)),
  });

function member(reader: TypeReader, hasBitfields: boolean): BtfMember {
  const name = reader.name();
  const type = reader.u32();
  const offset = reader.u32();
  // With the flag set the upper byte is the number of bits.
  return hasBitfields
    ? { name, type, bitOffset: offset & 0xff_ffff, bitfieldBits: offset >>> 24 }
    : { name, type, bitOffset: offset, bitfieldBits: 0 };
}

const int: Read = ({ name, sizeOrType: size }, reader) => {
  const encoding = (reader.u32() >>> 24) & 0xf;
  if (size === 0 || size > MAX_INT_BYTES) throw new BtfError(`integer "${name}" of ${size} bytes`);
  return { kind: "int", name, size, signed: (encoding & 1) !== 0, boolean: (encoding & 4) !== 0 };
};

const array: Read = (_head, reader) => {
  const element = reader.u32();
  reader.u32();
  return { kind: "array", element, length: reader.u32() };
};

const enum32: Read = ({ name, count, flag, sizeOrType }, reader) => ({
  kind: "enum",
  name,
  size: sizeOrType,
  signed: flag,
  values: reader.list(count, 8, () => ({ name: reader.name(), value: BigInt(flag ? reader.i32() : reader.u32()) })),
});

const enum64: Read = ({ name, count, flag, sizeOrType }, reader) => ({
  kind: "enum",
  name,
  size: sizeOrType,
  signed: flag,
  values: reader.list(count, 12, () => {
    const valueName = reader.name();
    const value = BigInt(reader.u32()) | (BigInt(reader.u32()) << 32n);
    return { name: valueName, value: flag ? BigInt.asIntN(64, value) : value };
  }),
});

const prototype: Read = ({ name, count }, reader) => {
  reader.list(count, 8, () => [reader.u32(), reader.u32()]);
  return { kind: "prototype", name };
};

const variable: Read = ({ name, sizeOrType }, reader) => {
  reader.u32();
  return { kind: "variable", name, target: sizeOrType };
};

const section: Read = ({ name, count }, reader) => ({
  kind: "section",
  name,
  variables: reader.list(count, 12, () => ({ type: reader.u32(), offset: reader.u32(), size: reader.u32() })),
});

const declarationTag: Read = ({ name }, reader) => {
  reader.u32();
  return { kind: "tag", name };
};

/** By the number of the kind, BTF_KIND_*. */
const READERS: readonly (Read | undefined)[] = [
  undefined,
  int,
  reference("pointer"),
  array,
  composite("struct"),
  composite("union"),
  enum32,
  forward,
  reference("typedef"),
  reference("qualifier"), // volatile
  reference("qualifier"), // const
  reference("qualifier"), // restrict
  reference("function"),
  prototype,
  variable,
  section,
  float,
  declarationTag,
  reference("qualifier"), // type tag
  enum64,
];
