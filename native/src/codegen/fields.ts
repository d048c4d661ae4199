/** Code for single fields. */
import { HELPERS, type HelperName } from "./helpers.js";
import type { Field, FieldType, StructModel } from "./model.js";

export function tsType(type: FieldType): string {
  if (type.kind === "int") return type.bytes === 8 ? "bigint" : "number";
  if (type.kind === "struct") return type.struct.tsName;
  if (type.kind === "array") return `${tsType(type.element)}[]`;
  return { bool: "boolean", bytes: "Buffer", string: "string" }[type.kind];
}

/** Statements that write `value.<field>`. */
export function emitEncode({ name, offset, type }: Field, owner: string): string {
  return encodeStatement(type, `value.${name}`, at("offset", offset), `${owner}.${name}`, 0);
}

/** Expression that reads a field. */
export function emitDecode({ offset, type }: Field): string {
  return decodeExpression(type, at("offset", offset), 0);
}

function encodeStatement(type: FieldType, value: string, where: string, what: string, depth: number): string {
  if (type.kind === "int") return encodeInteger(type, value, where);
  if (type.kind === "bool") return `buffer.writeUInt8(${value} ? 1 : 0, ${where});`;
  if (type.kind === "bytes") return `putBytes(${value}, ${type.length}, buffer, ${where}, "${what}");`;
  if (type.kind === "string") return `putString(${value}, ${type.length}, buffer, ${where}, "${what}");`;
  if (type.kind === "struct") return `${type.struct.tsName}.encode(${value}, buffer, ${where});`;
  const element = `element${depth}`;
  const index = `index${depth}`;
  const inner = encodeStatement(type.element, element, `${where} + ${index} * ${type.stride}`, what, depth + 1);
  return [
    `requireLength(${value}, ${type.length}, "${what}");`,
    `${value}.forEach((${element}, ${index}) => {`,
    inner.replace(/^/gm, "  "),
    "});",
  ].join("\n");
}

/** The buffer holds zeros already, and a BigInt is taken apart into objects: that is left out where it is zero. */
function encodeInteger(type: Extract<FieldType, { kind: "int" }>, value: string, where: string): string {
  const write = `buffer.write${accessor(type)}(${value}, ${where});`;
  return type.bytes === 8 ? `if (${value} !== 0n) ${write}` : write;
}

function decodeExpression(type: FieldType, where: string, depth: number): string {
  if (type.kind === "int") return `buffer.read${accessor(type)}(${where})`;
  if (type.kind === "bool") return `buffer.readUInt8(${where}) !== 0`;
  if (type.kind === "bytes") return `Buffer.from(buffer.subarray(${where}, ${where} + ${type.length}))`;
  if (type.kind === "string") return `getString(buffer, ${where}, ${type.length})`;
  if (type.kind === "struct") return `${type.struct.tsName}.decode(buffer, ${where})`;
  const index = `index${depth}`;
  const inner = decodeExpression(type.element, `${where} + ${index} * ${type.stride}`, depth + 1);
  return `Array.from({ length: ${type.length} }, (_, ${index}) => ${inner})`;
}

/** `UInt32LE` and the like: what follows `read` and `write` in the names of Buffer's methods. */
function accessor(type: Extract<FieldType, { kind: "int" }>): string {
  const sign = type.signed ? "" : "U";
  if (type.bytes === 1) return `${sign}Int8`;
  const order = type.bigEndian ? "BE" : "LE";
  return type.bytes === 8 ? `Big${sign}Int64${order}` : `${sign}Int${type.bytes * 8}${order}`;
}

function at(base: string, offset: number): string {
  return offset === 0 ? base : `${base} + ${offset}`;
}

/** Helpers that the structures' code calls, in a fixed order. */
export function usedHelpers(structs: readonly StructModel[]): HelperName[] {
  const used = new Set<HelperName>(structs.length > 0 ? ["requireRoom"] : []);
  for (const { fields } of structs) for (const { type } of fields) noteHelpers(type, used);
  return (Object.keys(HELPERS) as HelperName[]).filter((name) => used.has(name));
}

function noteHelpers(type: FieldType, used: Set<HelperName>): void {
  if (type.kind === "bytes") used.add("putBytes");
  if (type.kind === "string") used.add("putString").add("getString");
  if (type.kind === "array") {
    used.add("requireLength");
    noteHelpers(type.element, used);
  }
}
