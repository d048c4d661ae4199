/** What is generated, worked out of the type information: structures, enumerations, maps. Pure. */
import { type BtfMap, btfMaps } from "../btf/maps.js";
import { type BtfComposite, BtfError, type BtfMember, type BtfTypes, type TypeId } from "../btf/types.js";

export type FieldType =
  | { readonly kind: "int"; readonly bytes: 1 | 2 | 4 | 8; readonly signed: boolean; readonly bigEndian: boolean }
  | { readonly kind: "bool" }
  | { readonly kind: "bytes"; readonly length: number }
  | { readonly kind: "string"; readonly length: number }
  | { readonly kind: "struct"; readonly struct: StructModel }
  | { readonly kind: "array"; readonly element: FieldType; readonly length: number; readonly stride: number };

export interface Field {
  readonly name: string;
  readonly offset: number;
  readonly type: FieldType;
}

export interface StructModel {
  /** Name in C; that of an unnamed one is made of its owner's and the field's. */
  readonly cName: string;
  /** Whether a loaded object can be asked for it by `cName`. */
  readonly named: boolean;
  readonly tsName: string;
  readonly size: number;
  readonly fields: readonly Field[];
  /** By C name, also of what `fields` leaves out: the smaller members of unions. */
  readonly offsets: ReadonlyMap<string, number>;
}

export interface EnumModel {
  readonly cName: string;
  readonly tsName: string;
  readonly values: readonly { readonly name: string; readonly value: bigint }[];
}

export interface MapModel extends BtfMap {
  readonly keyStruct: StructModel | undefined;
  readonly valueStruct: StructModel | undefined;
}

export interface Model {
  /** Those that others need come first. */
  readonly structs: readonly StructModel[];
  readonly enums: readonly EnumModel[];
  readonly maps: readonly MapModel[];
}

export interface Selection {
  /** Structures besides those that maps use. */
  readonly structs: readonly string[];
  readonly enums: readonly string[];
  /** Maps to look at; all where it is empty. */
  readonly maps: readonly string[];
}

export function buildModel(btf: BtfTypes, selection: Selection): Model {
  const builder = new ModelBuilder(btf);
  const maps = selectMaps(btfMaps(btf), selection.maps).map((map) => ({
    ...map,
    keyStruct: builder.structOf(map.key),
    valueStruct: builder.structOf(map.value),
  }));
  for (const name of selection.structs) builder.struct(btf.composite(name), name);
  const enums = selection.enums.map((name) => buildEnum(btf, name));
  const structs = [...builder.structs];
  refuseNameClashes([...structs, ...enums]);
  for (const { name } of maps) requireName(name);
  return { structs, enums, maps };
}

function selectMaps(all: readonly BtfMap[], wanted: readonly string[]): BtfMap[] {
  if (wanted.length === 0) return [...all];
  return wanted.map((name) => {
    const map = all.find((candidate) => candidate.name === name);
    if (map === undefined) throw new BtfError(`there is no map "${name}"`);
    return map;
  });
}

function buildEnum(btf: BtfTypes, name: string): EnumModel {
  const id = btf.find(name);
  const type = id === undefined ? undefined : btf.resolve(id);
  if (type?.kind !== "enum") throw new BtfError(`there is no enumeration "${name}"`);
  for (const value of type.values) requireName(value.name);
  return { cName: name, tsName: pascalCase(name), values: type.values };
}

function refuseNameClashes(models: readonly { readonly tsName: string; readonly cName: string }[]): void {
  const seen = new Map<string, string>();
  for (const { tsName, cName } of models) {
    requireName(cName);
    requireName(tsName);
    const other = seen.get(tsName);
    if (other !== undefined) throw new BtfError(`"${other}" and "${cName}" would both be called ${tsName}`);
    seen.set(tsName, cName);
  }
}

export function pascalCase(name: string): string {
  return name
    .split("_")
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join("");
}

/** Typedefs whose values are in network byte order. */
const BIG_ENDIAN = new Set(["__be16", "__be32", "__be64"]);
/** No structure is nested as deep. */
const MAX_DEPTH = 32;
/** No object file has as many fields; malformed types can contain themselves many times over. */
const MAX_FIELDS = 10_000;

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** What generated code uses, and what an object literal takes for something else. */
const RESERVED = new Set(["Array", "Buffer", "RangeError", "Uint8Array", "__proto__"]);

/** Refuses what is no name in TypeScript: malformed types could otherwise put code into the file. */
function requireName(name: string): void {
  if (!IDENTIFIER.test(name) || RESERVED.has(name))
    throw new BtfError(`${JSON.stringify(name)} cannot be used as a name`);
}

class ModelBuilder {
  readonly #structs = new Map<BtfComposite, StructModel>();
  #fieldCount = 0;

  constructor(private readonly btf: BtfTypes) {}

  get structs(): Iterable<StructModel> {
    return this.#structs.values();
  }

  /** The structure that a map's key or value is; undefined where it is something else. */
  structOf(id: TypeId | undefined): StructModel | undefined {
    if (id === undefined) return undefined;
    const type = this.btf.resolve(id);
    if (type.kind !== "struct" && type.kind !== "union") return undefined;
    return this.struct(type, type.name === "" ? this.btf.typedefNames(id).at(-1) : type.name);
  }

  struct(composite: BtfComposite, name: string | undefined, depth = 0): StructModel {
    const known = this.#structs.get(composite);
    if (known !== undefined) return known;
    if (name === undefined || name === "") throw new BtfError("a map's key or value is a structure without a name");
    const model = {
      cName: name,
      named: this.btf.find(name) !== undefined,
      tsName: pascalCase(name),
      size: composite.size,
      fields: this.#fields(composite, name, 0, depth),
      offsets: this.btf.offsets(composite),
    };
    for (const field of model.offsets.keys()) requireName(field);
    this.#structs.set(composite, model);
    return model;
  }

  #fields(composite: BtfComposite, owner: string, base: number, depth: number): Field[] {
    if (depth > MAX_DEPTH) throw new BtfError(`"${owner}" contains itself`);
    const members = composite.kind === "union" ? this.#largest(composite) : composite.members;
    return members.flatMap((member) => this.#field(member, owner, base, depth));
  }

  /** A union stands for its largest member, the first of several. */
  #largest(union: BtfComposite): BtfMember[] {
    const sizes = union.members.map((member) => this.btf.sizeOf(member.type));
    const largest = union.members[sizes.indexOf(Math.max(...sizes))];
    return largest === undefined ? [] : [largest];
  }

  #field(member: BtfMember, owner: string, base: number, depth: number): Field[] {
    const what = `"${member.name}" of "${owner}"`;
    if (++this.#fieldCount > MAX_FIELDS) throw new BtfError("there are too many fields");
    if (member.bitfieldBits > 0 || member.bitOffset % 8 !== 0) {
      throw new BtfError(`${what} is a bit field: use a whole integer and masks instead`);
    }
    const offset = base + member.bitOffset / 8;
    const type = this.btf.resolve(member.type);
    if (member.name === "") {
      if (type.kind !== "struct" && type.kind !== "union") throw new BtfError(`${owner} has a member without a name`);
      return this.#fields(type, owner, offset, depth + 1);
    }
    requireName(member.name);
    const fieldType = this.#type(member.type, `${owner}_${member.name}`, what, depth);
    return fieldType === undefined ? [] : [{ name: member.name, offset, type: fieldType }];
  }

  /** Undefined for an array without elements, which has no bytes. */
  #type(id: TypeId, unnamed: string, what: string, depth: number): FieldType | undefined {
    if (depth > MAX_DEPTH) throw new BtfError(`${what} contains itself`);
    const type = this.btf.resolve(id);
    if (type.kind === "int" && type.boolean) return { kind: "bool" };
    if (type.kind === "int" && type.size > 8) return { kind: "bytes", length: type.size };
    if (type.kind === "int" || type.kind === "enum") return this.#int(id, type.size, type.signed, what);
    if (type.kind === "pointer") return { kind: "int", bytes: 8, signed: false, bigEndian: false };
    if (type.kind === "array") return this.#array(type.element, type.length, unnamed, what, depth);
    if (type.kind === "struct") return { kind: "struct", struct: this.struct(type, type.name || unnamed, depth + 1) };
    if (type.kind === "union") {
      const [member] = this.#largest(type);
      return member === undefined ? undefined : this.#type(member.type, unnamed, what, depth + 1);
    }
    throw new BtfError(`${what} is a ${type.kind}, for which no code can be generated`);
  }

  #int(id: TypeId, size: number, signed: boolean, what: string): FieldType {
    if (size !== 1 && size !== 2 && size !== 4 && size !== 8)
      throw new BtfError(`${what} is an integer of ${size} bytes`);
    const bigEndian = this.btf.typedefNames(id).some((name) => BIG_ENDIAN.has(name));
    return { kind: "int", bytes: size, signed, bigEndian };
  }

  #array(element: TypeId, length: number, unnamed: string, what: string, depth: number): FieldType | undefined {
    if (length === 0) return undefined;
    const type = this.btf.resolve(element);
    if (type.kind === "int" && type.size === 1 && !type.boolean) {
      return { kind: type.name === "char" ? "string" : "bytes", length };
    }
    const of = this.#type(element, unnamed, what, depth + 1);
    return of === undefined ? undefined : { kind: "array", element: of, length, stride: this.btf.sizeOf(element) };
  }
}
