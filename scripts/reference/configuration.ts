/** docs/reference/configuration.md and config.schema.json */
import { z } from "zod";
import { configSchema } from "../../src/config/schema.js";
import { childRows, type JsonSchema, rowsOf } from "./json-schema.js";
import { GENERATED, page, table } from "./markdown.js";

export function configJsonSchema(): object {
  const schema = z.toJSONSchema(configSchema, { io: "input" }) as { properties: Record<string, { default?: unknown }> };
  // The host's own name is nobody else's default.
  delete schema.properties["node"]?.default;
  return { title: "submirror configuration", ...schema };
}

export function configurationReference(): string {
  const { properties = {} } = configJsonSchema() as JsonSchema;
  const isSection = (schema: JsonSchema): boolean => schema.properties !== undefined;
  const plain = Object.entries(properties).filter(([, schema]) => !isSection(schema));
  const sections = Object.entries(properties).filter(([, schema]) => isSection(schema));
  return page(
    GENERATED,
    "# Configuration",
    "One YAML file for agent and gateway; each reads its part. `submirror agent --print-config` shows what is in force. " +
      "`${NAME}` and `${NAME:-default}` in a value take it from the environment; `$${` is a plain `${`. " +
      "Every mistake is reported at once, with line, column, and what was expected.",
    "Editors that know JSON Schema check the file as it is written, with this as its first line:",
    "```yaml\n# yaml-language-server: $schema=config.schema.json\n```",
    "`[]` stands for the entries of a list, `*` for names that you choose.",
    table(
      HEADINGS,
      plain.flatMap(([name, schema]) => rowsOf(name, schema, false)),
    ),
    ...sections.flatMap(([name, schema]) => [
      `## ${name}`,
      `${schema.description ?? ""}.`.replace(/^./, (letter) => letter.toUpperCase()),
      table(HEADINGS, childRows(name, schema)),
    ]),
  );
}

const HEADINGS = ["key", "type", "default", "meaning"];
