/** Reads dictionary files in the format of FreeRADIUS 3, dictionary(5). */
import {
  type AttributeDefinition,
  type AttributePlace,
  type Dictionary,
  type Hiding,
  VALUE_TYPES,
  type ValueType,
  type VendorDefinition,
} from "./dictionary.js";
import { RadiusError } from "./errors.js";
import { DEFAULT_VENDOR_FORMAT, type VendorFormat } from "./vendor.js";

export interface DictionaryFile {
  /** Names the file in errors; what `$INCLUDE` in it is relative to. */
  readonly path: string;
  readonly text: string;
}

/** Finds the file that `from` includes as `name`; undefined where there is none. */
export type DictionaryResolver = (from: string, name: string) => DictionaryFile | undefined;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
interface MutableDefinition extends Mutable<AttributeDefinition> {
  names: Map<bigint, string>;
  numbers: Map<string, bigint>;
}
interface MutableVendor extends Mutable<VendorDefinition> {
  attributes: Map<number, MutableDefinition>;
}

const HIDINGS: Readonly<Record<string, Hiding>> = { "encrypt=1": "password", "encrypt=2": "salted" };
const MAX_DEPTH = 16;
/** Attributes of numbers above 255 are FreeRADIUS's own and never on the wire. */
const MAX_STANDARD_TYPE = 255;

/**
 * The dictionary that `files` and what they include make up; a later definition of a number or name wins.
 * Throws RadiusError "dictionary" with file and line.
 */
export function readDictionary(files: readonly DictionaryFile[], resolve: DictionaryResolver): Dictionary {
  const reader = new Reader(resolve);
  for (const file of files) reader.read(file, 0);
  return reader.finish();
}

interface PendingValue {
  readonly attribute: string;
  readonly name: string;
  readonly number: bigint;
}

class Reader {
  readonly #standard = new Map<number, MutableDefinition>();
  readonly #vendors = new Map<number, MutableVendor>();
  readonly #vendorsByName = new Map<string, MutableVendor>();
  readonly #byName = new Map<string, AttributePlace & { readonly definition: MutableDefinition }>();
  /** A VALUE may come before its ATTRIBUTE. */
  readonly #values: PendingValue[] = [];
  readonly #resolve: DictionaryResolver;
  #vendor: MutableVendor | undefined;
  #tlvDepth = 0;
  #where = "";

  constructor(resolve: DictionaryResolver) {
    this.#resolve = resolve;
  }

  read(file: DictionaryFile, depth: number): void {
    if (depth > MAX_DEPTH) throw new RadiusError("dictionary", `${file.path}: $INCLUDE is nested deeper than 16`);
    for (const [index, line] of file.text.split("\n").entries()) {
      this.#where = `${file.path}:${index + 1}`;
      const words = line.replace(/#.*/, "").trim().split(/\s+/);
      if (words[0] !== "") this.#line(words, file, depth);
    }
  }

  finish(): Dictionary {
    for (const value of this.#values) {
      const definition = this.#byName.get(value.attribute)?.definition;
      // Several names of one number are aliases: the last is the one to show, as FreeRADIUS does it, all can be read.
      if (definition === undefined) continue;
      definition.names.set(value.number, value.name);
      definition.numbers.set(value.name, value.number);
    }
    return { standard: this.#standard, vendors: this.#vendors, byName: this.#byName };
  }

  #line(words: readonly string[], file: DictionaryFile, depth: number): void {
    const [keyword = "", ...rest] = words;
    switch (keyword) {
      case "ATTRIBUTE":
        return this.#attribute(rest);
      case "VALUE":
        return this.#value(rest);
      case "VENDOR":
        return this.#defineVendor(rest);
      case "BEGIN-VENDOR":
        this.#vendor = this.#knownVendor(this.#word(rest, 0));
        return;
      case "END-VENDOR":
        this.#vendor = undefined;
        return;
      case "BEGIN-TLV":
        this.#tlvDepth++;
        return;
      case "END-TLV":
        this.#tlvDepth--;
        return;
      case "$INCLUDE":
      case "$INCLUDE-":
        return this.#include(this.#word(rest, 0), keyword === "$INCLUDE", file, depth);
      case "FLAGS":
      case "PROTOCOL":
        return;
      default:
        throw this.#error(`"${keyword}" is not a keyword of a dictionary`);
    }
  }

  #include(name: string, required: boolean, file: DictionaryFile, depth: number): void {
    const included = this.#resolve(file.path, name);
    if (included !== undefined) return this.read(included, depth + 1);
    if (required) throw this.#error(`the included file ${name} is missing`);
  }

  #attribute(words: readonly string[]): void {
    const name = this.#word(words, 0);
    const number = this.#word(words, 1);
    // What is inside a TLV or an extended attribute is carried, and shown as the outer attribute's octets.
    if (this.#tlvDepth > 0 || number.includes(".")) return;
    const type = this.#number(number);
    if (this.#vendor === undefined && type > MAX_STANDARD_TYPE) return;
    const flags = words.slice(3).flatMap((word) => word.split(","));
    const definition: MutableDefinition = {
      name,
      type: valueType(this.#word(words, 2)),
      hiding: flags.map((flag) => HIDINGS[flag]).find((hiding) => hiding !== undefined) ?? "none",
      tagged: flags.includes("has_tag"),
      names: new Map(),
      numbers: new Map(),
    };
    (this.#vendor?.attributes ?? this.#standard).set(type, definition);
    this.#byName.set(name, { vendor: this.#vendor?.number, type, definition });
  }

  #value(words: readonly string[]): void {
    const number = this.#word(words, 2);
    if (!/^(0x[0-9a-f]+|\d+)$/i.test(number)) throw this.#error(`"${number}" is not a number`);
    this.#values.push({ attribute: this.#word(words, 0), name: this.#word(words, 1), number: BigInt(number) });
  }

  #defineVendor(words: readonly string[]): void {
    const name = this.#word(words, 0);
    const number = this.#number(this.#word(words, 1));
    const format = words[2] === undefined ? DEFAULT_VENDOR_FORMAT : this.#format(words[2]);
    const vendor = this.#vendors.get(number) ?? { name, number, format, attributes: new Map() };
    vendor.format = format;
    this.#vendors.set(number, vendor);
    this.#vendorsByName.set(name, vendor);
  }

  #format(text: string): VendorFormat {
    const match = /^format=([124]),([012])(,c)?$/.exec(text);
    if (match === null) throw this.#error(`"${text}" is not format=<1|2|4>,<0|1|2>[,c]`);
    return {
      typeBytes: Number(match[1]) as 1 | 2 | 4,
      lengthBytes: Number(match[2]) as 0 | 1 | 2,
      continuation: match[3] !== undefined,
    };
  }

  #knownVendor(name: string): MutableVendor {
    const vendor = this.#vendorsByName.get(name);
    if (vendor === undefined) throw this.#error(`the vendor ${name} is not defined above`);
    return vendor;
  }

  #word(words: readonly string[], index: number): string {
    const word = words[index];
    if (word === undefined) throw this.#error("the line is too short");
    return word;
  }

  #number(text: string): number {
    if (!/^(0x[0-9a-f]+|\d+)$/i.test(text)) throw this.#error(`"${text}" is not a number`);
    const number = Number(text);
    if (number > 0xffff_ffff) throw this.#error(`${text} is above 32 bits`);
    return number;
  }

  #error(problem: string): RadiusError {
    return new RadiusError("dictionary", `${this.#where}: ${problem}`);
  }
}

function valueType(text: string): ValueType {
  const bare = text.replace(/\[.*/, "").toLowerCase();
  return VALUE_TYPES.find((type) => type === bare) ?? "octets";
}
