/** Finds a section in a 64-bit little-endian ELF file. Throws nothing but BtfError, whatever the bytes. */
import { BtfError } from "./types.js";

const HEADER_BYTES = 64;
const SECTION_HEADER_BYTES = 64;
const MAGIC = Buffer.from("\x7fELF");
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;

interface Section {
  readonly name: number;
  readonly start: number;
  readonly end: number;
}

/** The bytes of the section `name`, or undefined where the file has none. */
export function elfSection(file: Buffer, name: string): Buffer | undefined {
  if (file.length < HEADER_BYTES || !file.subarray(0, 4).equals(MAGIC)) throw new BtfError("this is no ELF file");
  if (file[4] !== CLASS_64 || file[5] !== LITTLE_ENDIAN)
    throw new BtfError("a 64-bit little-endian ELF file is expected");
  const table = readOffset(file, 40);
  const entryBytes = file.readUInt16LE(58);
  const count = file.readUInt16LE(60);
  const namesIndex = file.readUInt16LE(62);
  if (entryBytes < SECTION_HEADER_BYTES || table + count * entryBytes > file.length) {
    throw new BtfError("the ELF section table goes beyond the file");
  }
  if (namesIndex >= count) throw new BtfError("the ELF file has no section names");
  const names = contents(file, readSection(file, table + namesIndex * entryBytes));
  for (let index = 0; index < count; index++) {
    const section = readSection(file, table + index * entryBytes);
    if (sectionName(names, section.name) === name) return contents(file, section);
  }
  return undefined;
}

function readSection(file: Buffer, at: number): Section {
  const start = readOffset(file, at + 24);
  return { name: file.readUInt32LE(at), start, end: start + readOffset(file, at + 32) };
}

function readOffset(file: Buffer, at: number): number {
  return Number(file.readBigUInt64LE(at));
}

function contents(file: Buffer, section: Section): Buffer {
  if (section.end > file.length) throw new BtfError("an ELF section goes beyond the file");
  return file.subarray(section.start, section.end);
}

function sectionName(names: Buffer, offset: number): string {
  const end = offset < names.length ? names.indexOf(0, offset) : -1;
  return end < 0 ? "" : names.toString("latin1", offset, end);
}
