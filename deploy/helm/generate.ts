/**
 * Writes the chart's values.schema.json: what the values are, with submirror's own configuration, as its schema says, where
 * they embed it. `--check`: only says whether it is what it should be.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { z } from "zod";
import { configSchema } from "../../src/config/schema.js";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

/** From dist/deploy/helm. */
const CHART = fileURLToPath(new URL("../../../deploy/helm/submirror/", import.meta.url));
const FROM_ENVIRONMENT = { type: "string", pattern: "\\$\\{" } as const;
const OBJECT = { type: "object" } as const;
/** Values that Kubernetes has a type for, or that are somebody's own keys. */
const OPEN = new Set([
  "resources",
  "nodeSelector",
  "affinity",
  "podAnnotations",
  "annotations",
  "seccompProfile",
  "labels",
  "dashboardLabels",
  "monitoringNamespace",
]);

/** Of a value that is in values.yaml: its type, and for objects that there is nothing else. */
function schemaOf(value: Json, key = ""): JsonObject {
  if (OPEN.has(key)) return OBJECT;
  if (key === "config") return { $ref: "#/$defs/config" };
  if (Array.isArray(value)) return { type: "array" };
  if (typeof value === "number") return { type: "integer", minimum: key === "replicas" ? 1 : 0 };
  if (value === null || typeof value !== "object") return { type: typeof value };
  const properties = Object.entries(value).map(([name, inner]) => [name, schemaOf(inner, name)]);
  return { type: "object", additionalProperties: false, properties: Object.fromEntries(properties) as JsonObject };
}

/**
 * Each component's part alone need not be whole, and each scalar may come from the environment: the program checks the sum
 * when it starts. Here unknown keys and wrong types are found.
 */
function configuration(): JsonObject {
  const { $schema: _, ...schema } = z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" });
  return relaxed(schema as Json) as JsonObject;
}

function relaxed(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(relaxed);
  if (schema === null || typeof schema !== "object") return schema;
  const { required: _required, default: _default, minItems: _minItems, ...rest } = schema as JsonObject;
  const inner = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [key, key === "enum" ? value : relaxed(value)]),
  );
  const isScalar = ["string", "integer", "number", "boolean"].includes(String(inner["type"])) || "enum" in inner;
  return isScalar ? { anyOf: [inner, FROM_ENVIRONMENT] } : inner;
}

const values = parse(readFileSync(`${CHART}values.yaml`, "utf8")) as Json;
const schema = schemaOf(values);
const whole = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  ...schema,
  // Helm adds `global` for whoever uses this chart as a part of another.
  properties: { ...(schema["properties"] as JsonObject), global: OBJECT },
  $defs: { config: configuration() },
};
const file = `${CHART}values.schema.json`;
const text = `${JSON.stringify(whole, undefined, 2)}\n`;
if (!process.argv.includes("--check")) writeFileSync(file, text);
else if (!existsSync(file) || readFileSync(file, "utf8") !== text) {
  process.stderr.write("deploy/helm/submirror/values.schema.json is not what it should be: run scripts/generate.sh\n");
  process.exitCode = 1;
}
