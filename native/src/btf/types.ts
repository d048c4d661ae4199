/** The types of a compiled program (BPF Type Format), and what can be asked about them. */

/** Type information that is malformed, or a question about it that has no answer. */
export class BtfError extends Error {
  override readonly name = "BtfError";
}

/** Number of a type; 0 is void. */
export type TypeId = number;

export interface BtfMember {
  /** Empty for an unnamed structure or union. */
  readonly name: string;
  readonly type: TypeId;
  readonly bitOffset: number;
  /** Bits of a bit field; 0 for any other member. */
  readonly bitfieldBits: number;
}

export interface BtfInt {
  readonly kind: "int";
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly signed: boolean;
  readonly boolean: boolean;
}

export interface BtfArray {
  readonly kind: "array";
  readonly element: TypeId;
  readonly length: number;
}

export interface BtfComposite {
  readonly kind: "struct" | "union";
  readonly name: string;
  readonly size: number;
  readonly members: readonly BtfMember[];
}

export interface BtfEnum {
  readonly kind: "enum";
  readonly name: string;
  readonly size: number;
  readonly signed: boolean;
  readonly values: readonly { readonly name: string; readonly value: bigint }[];
}

/** A name for, a qualifier of or a pointer to another type. */
export interface BtfReference {
  readonly kind: "typedef" | "qualifier" | "pointer" | "function";
  readonly name: string;
  readonly target: TypeId;
}

export interface BtfVariable {
  readonly kind: "variable";
  readonly name: string;
  readonly target: TypeId;
}

export interface BtfSection {
  readonly kind: "section";
  readonly name: string;
  readonly variables: readonly { readonly type: TypeId; readonly offset: number; readonly size: number }[];
}

export interface BtfFloat {
  readonly kind: "float";
  readonly name: string;
  readonly size: number;
}

/** Types without a size that nothing here looks into. */
export interface BtfOther {
  readonly kind: "void" | "forward" | "prototype" | "tag";
  readonly name: string;
}

export type BtfType =
  | BtfInt
  | BtfArray
  | BtfComposite
  | BtfEnum
  | BtfReference
  | BtfVariable
  | BtfSection
  | BtfFloat
  | BtfOther;

export interface GlobalVariable {
  readonly section: string;
  readonly offset: number;
  readonly size: number;
  readonly type: TypeId;
}

/** What generated code says of a structure, to be compared with a loaded object. Offsets and size in bytes. */
export interface StructLayout {
  readonly name: string;
  readonly size: number;
  readonly offsets: Readonly<Record<string, number>>;
}

const POINTER_BYTES = 8;
/** More than this in a row can only be a cycle. */
const MAX_DEPTH = 64;
/** Unnamed structures and unions in one structure. */
const MAX_UNNAMED = 1000;

export class BtfTypes {
  readonly #types: readonly BtfType[];
  #byName: Map<string, TypeId> | undefined;

  constructor(types: readonly BtfType[]) {
    this.#types = types;
  }

  /** Number of types, void included. */
  get count(): number {
    return this.#types.length;
  }

  type(id: TypeId): BtfType {
    const type = this.#types[id];
    if (type === undefined) throw new BtfError(`type ${id} does not exist`);
    return type;
  }

  /** All types of a kind with their numbers. */
  *ofKind<K extends BtfType["kind"]>(kind: K): Generator<[TypeId, Extract<BtfType, { kind: K }>]> {
    for (const [id, type] of this.#types.entries()) {
      if (type.kind === kind) yield [id, type as Extract<BtfType, { kind: K }>];
    }
  }

  /** The type behind typedefs and qualifiers. */
  resolve(id: TypeId): BtfType {
    return this.type(this.resolveId(id));
  }

  resolveId(id: TypeId): TypeId {
    let at = id;
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      const type = this.type(at);
      if (type.kind !== "typedef" && type.kind !== "qualifier") return at;
      at = type.target;
    }
    throw new BtfError(`type ${id} refers to itself`);
  }

  /** Names of the typedefs on the way from `id` to the type behind them, outermost first. */
  typedefNames(id: TypeId): string[] {
    const names: string[] = [];
    let at = id;
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      const type = this.type(at);
      if (type.kind !== "typedef" && type.kind !== "qualifier") return names;
      if (type.kind === "typedef") names.push(type.name);
      at = type.target;
    }
    throw new BtfError(`type ${id} refers to itself`);
  }

  /** Bytes of a type. */
  sizeOf(id: TypeId, depth = 0): number {
    if (depth > MAX_DEPTH) throw new BtfError(`type ${id} contains itself`);
    const type = this.resolve(id);
    if (type.kind === "array") return type.length * this.sizeOf(type.element, depth + 1);
    if (type.kind === "pointer") return POINTER_BYTES;
    if (type.kind === "variable") return this.sizeOf(type.target, depth + 1);
    if ("size" in type) return type.size;
    throw new BtfError(`a ${type.kind} has no size`);
  }

  /** Number of the structure, union, enumeration or typedef of this name; undefined where there is none. */
  find(name: string): TypeId | undefined {
    this.#byName ??= indexByName(this.#types);
    return this.#byName.get(name);
  }

  /** The structure or union of this name, also by a typedef. */
  composite(name: string): BtfComposite {
    const id = this.find(name);
    const type = id === undefined ? undefined : this.resolve(id);
    if (type?.kind !== "struct" && type?.kind !== "union") throw new BtfError(`there is no structure "${name}"`);
    return type;
  }

  /** Byte offset of each member, members of unnamed structures and unions included. */
  offsets(composite: BtfComposite): Map<string, number> {
    const offsets = new Map<string, number>();
    // A list instead of recursion, and bounded: malformed types can contain themselves many times over.
    const open = [{ composite, base: 0 }];
    for (const { composite: at, base } of open) {
      if (open.length > MAX_UNNAMED) throw new BtfError(`"${composite.name}" contains itself`);
      for (const member of at.members) {
        const offset = base + Math.floor(member.bitOffset / 8);
        const type = member.name === "" ? this.resolve(member.type) : undefined;
        if (type?.kind === "struct" || type?.kind === "union") open.push({ composite: type, base: offset });
        else if (member.name !== "") offsets.set(member.name, offset);
      }
    }
    return offsets;
  }

  /** Global variables by name. Their offsets are right only in what libbpf has opened (`ObjectSpec.btf`). */
  globals(): Map<string, GlobalVariable> {
    const globals = new Map<string, GlobalVariable>();
    for (const [, section] of this.ofKind("section")) {
      if (!/^\.(rodata|data|bss)/.test(section.name)) continue;
      for (const entry of section.variables) {
        const variable = this.type(entry.type);
        if (variable.kind !== "variable") continue;
        const { offset, size } = entry;
        globals.set(variable.name, { section: section.name, offset, size, type: variable.target });
      }
    }
    return globals;
  }

  /** Throws BtfError that lists the differences where a structure is not laid out as `expected`. */
  assertLayout(expected: StructLayout): void {
    const actual = this.composite(expected.name);
    const offsets = this.offsets(actual);
    const differences: string[] = [];
    if (actual.size !== expected.size) differences.push(`${actual.size} bytes instead of ${expected.size}`);
    for (const [field, offset] of Object.entries(expected.offsets)) {
      const found = offsets.get(field);
      if (found === undefined) differences.push(`no field "${field}"`);
      else if (found !== offset) differences.push(`"${field}" at ${found} instead of ${offset}`);
    }
    for (const field of offsets.keys()) {
      if (!Object.hasOwn(expected.offsets, field)) differences.push(`a further field "${field}"`);
    }
    if (differences.length > 0) {
      throw new BtfError(
        `structure "${expected.name}" differs from the generated code: ${differences.join(", ")}; generate it again`,
      );
    }
  }
}

function indexByName(types: readonly BtfType[]): Map<string, TypeId> {
  const index = new Map<string, TypeId>();
  for (const [id, type] of types.entries()) {
    if (type.kind === "typedef") {
      // A structure comes before a typedef of the same name.
      if (type.name !== "" && !index.has(type.name)) index.set(type.name, id);
    } else if ((type.kind === "struct" || type.kind === "union" || type.kind === "enum") && type.name !== "") {
      index.set(type.name, id);
    }
  }
  return index;
}
