/** A JSON Schema as rows of a table: the key itself, then what lies in it. */
import { code } from "./markdown.js";

/** As far as zod makes use of it. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly prefixItems?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}

/** Key, type, default or that it must be given, meaning. */
export type Row = [string, string, string, string];

export function childRows(path: string, schema: JsonSchema): Row[] {
  const prefix = path === "" ? "" : `${path}.`;
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) =>
    rowsOf(`${prefix}${name}`, child, schema.required?.includes(name) === true),
  );
}

export function rowsOf(path: string, schema: JsonSchema, required: boolean): Row[] {
  const own: Row = [code(path), typeText(schema), required ? REQUIRED : defaultText(schema), schema.description ?? ""];
  return [own, ...innerRows(path, schema)];
}

function innerRows(path: string, schema: JsonSchema): Row[] {
  const { items, additionalProperties } = schema;
  const several = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  if (several.length > 0)
    return mergedRows(
      path,
      several.map((one) => innerRows(path, one)),
    );
  if (items !== undefined) return innerRows(`${path}[]`, items);
  if (typeof additionalProperties === "object") return innerRows(`${path}.*`, additionalProperties);
  return childRows(path, schema);
}

const REQUIRED = "must be given";

/** The keys of all alternatives at `path`, each once. What only some of them demand depends on which one is meant. */
function mergedRows(path: string, alternatives: readonly (readonly Row[])[]): Row[] {
  const sections = alternatives.filter((rows) => rows.length > 0);
  const keys = [...new Set(sections.flat().map(([key]) => key))];
  return keys.map((key): Row => {
    const same = sections.flatMap((rows) => rows.filter(([other]) => other === key));
    const types = [...new Set(same.flatMap(([, type]) => type.split(" or ")))].join(" or ");
    const [, , absent = "", meaning = ""] = same[0] ?? [];
    const parent = parentOf(key);
    const homes = sections.filter(
      (rows) => parent === code(path) || rows.some(([other]) => parentOf(other) === parent),
    );
    return [key, types, absent === REQUIRED && same.length < homes.length ? "by form" : absent, meaning];
  });
}

function parentOf(key: string): string {
  return `${key.slice(0, key.lastIndexOf("."))}\``;
}

function typeText(schema: JsonSchema): string {
  if (schema.const !== undefined) return code(String(schema.const));
  if (schema.enum !== undefined) return schema.enum.map((value) => code(String(value))).join(" or ");
  const several = schema.anyOf ?? schema.oneOf;
  if (several !== undefined) return [...new Set(several.map(typeText))].join(" or ");
  switch (schema.type) {
    case "array":
      return schema.prefixItems === undefined ? `list of ${plural(schema.items ?? {})}` : "two whole numbers";
    case "object":
      return typeof schema.additionalProperties === "object" ? "section of names" : "section";
    case "boolean":
      return "true or false";
    case "integer":
      return `whole number${rangeText(schema)}`;
    case "number":
      return `number${rangeText(schema)}`;
    default:
      return "text";
  }
}

function plural(schema: JsonSchema): string {
  if (schema.type === "string" && schema.enum === undefined) return "texts";
  const text = typeText(schema);
  return text === "section" ? "sections" : text;
}

function rangeText({ minimum, exclusiveMinimum, maximum }: JsonSchema): string {
  const isReal = (limit: number | undefined): limit is number =>
    limit !== undefined && Math.abs(limit) < Number.MAX_SAFE_INTEGER;
  if (isReal(minimum) && isReal(maximum)) return `, ${minimum} to ${maximum}`;
  if (isReal(exclusiveMinimum) && isReal(maximum)) return `, above ${exclusiveMinimum}, up to ${maximum}`;
  if (isReal(minimum)) return `, ${minimum} or more`;
  return isReal(maximum) ? `, up to ${maximum}` : "";
}

function defaultText({ default: value }: JsonSchema): string {
  if (value === undefined) return "";
  if (Array.isArray(value) && value.length === 0) return "none";
  if (typeof value === "object" && value !== null && Object.keys(value).length === 0) return "";
  return code(typeof value === "string" ? value : JSON.stringify(value));
}
