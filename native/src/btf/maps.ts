/** Map definitions in type information: the variables of the section `.maps`. */
import { type BtfComposite, BtfError, type BtfTypes, type TypeId } from "./types.js";

export interface BtfMap {
  readonly name: string;
  /** Number of the map type, BPF_MAP_TYPE_*. */
  readonly type: number;
  readonly maxEntries: number;
  /** Type of the keys; undefined where only their size is given. */
  readonly key: TypeId | undefined;
  readonly value: TypeId | undefined;
  readonly keySize: number;
  readonly valueSize: number;
}

/** Maps in the order in which they are defined. */
export function btfMaps(btf: BtfTypes): BtfMap[] {
  const maps: BtfMap[] = [];
  for (const [, section] of btf.ofKind("section")) {
    if (section.name !== ".maps") continue;
    for (const { type } of section.variables) {
      const variable = btf.type(type);
      if (variable.kind !== "variable") throw new BtfError("something in .maps is no variable");
      const definition = btf.resolve(variable.target);
      if (definition.kind !== "struct") throw new BtfError(`map "${variable.name}" is no structure`);
      maps.push(readMap(btf, variable.name, definition));
    }
  }
  return maps;
}

function readMap(btf: BtfTypes, name: string, definition: BtfComposite): BtfMap {
  const fields = new Map(definition.members.map((member) => [member.name, member.type]));
  const number = (field: string): number => encodedNumber(btf, fields.get(field), `${field} of map "${name}"`);
  const pointee = (field: string): TypeId | undefined => pointedTo(btf, fields.get(field));
  const key = pointee("key");
  const value = pointee("value");
  return {
    name,
    type: number("type"),
    maxEntries: number("max_entries"),
    key,
    value,
    keySize: key === undefined ? number("key_size") : btf.sizeOf(key),
    valueSize: value === undefined ? number("value_size") : btf.sizeOf(value),
  };
}

/** `__uint(name, N)` is a pointer to an array of N integers. */
function encodedNumber(btf: BtfTypes, id: TypeId | undefined, what: string): number {
  const target = pointedTo(btf, id);
  if (target === undefined) return 0;
  const array = btf.resolve(target);
  if (array.kind !== "array") throw new BtfError(`${what} is not written with __uint`);
  return array.length;
}

function pointedTo(btf: BtfTypes, id: TypeId | undefined): TypeId | undefined {
  if (id === undefined) return undefined;
  const type = btf.resolve(id);
  return type.kind === "pointer" ? type.target : undefined;
}
