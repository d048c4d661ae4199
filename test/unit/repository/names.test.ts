/** What the pages name is there: metrics, keys of the configuration, commands and their options. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { configJsonSchema } from "../../../scripts/reference/configuration.js";
import { eventJsonSchema } from "../../../scripts/reference/events.js";
import { childRows, type JsonSchema } from "../../../scripts/reference/json-schema.js";
import { commandTree, flattened } from "../../../src/cli/command-tree.js";
import { createProgram } from "../../../src/cli/whole-program.js";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));

const VALUES_SCHEMA = join(ROOT, "deploy/helm/submirror/values.schema.json");
/** Files in the chart's Secrets. */
const SECRETS = new Set(["agent.crt", "agent.key", "gateway.crt", "gateway.key"]);

/** Pages by hand. */
const pages = [
  ...["README.md", "CONTRIBUTING.md", "SECURITY.md"],
  ...readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md") && !file.startsWith("reference"))
    .map((file) => join("docs", file)),
].map((file) => ({ file, text: readFileSync(join(ROOT, file), "utf8") }));

/** What `pattern` captures in the pages and is not among `known`. */
function unknown(pattern: RegExp, isKnown: (name: string) => boolean): string[] {
  return pages.flatMap(({ file, text }) =>
    [...text.matchAll(pattern)].flatMap(([, name = ""]) => (isKnown(name) ? [] : [`${file}: ${name}`])),
  );
}

test("metrics", () => {
  const reference = readFileSync(join(ROOT, "docs/reference/metrics.md"), "utf8");
  const names = new Set([...reference.matchAll(/`(submirror_\w+)`/g)].map(([, name]) => name));
  assert.ok(names.size > 20);
  const isKnown = (name: string): boolean => names.has(name.replace(/_(bucket|sum|count)$/, "")) || names.has(name);
  // Those of recording rules have colons in them.
  assert.deepEqual(unknown(/(?<![\w:])(submirror_[a-z_]+[a-z])(?![\w:*])/g, isKnown), []);
});

test("keys of the configuration", () => {
  const namesIn = (schema: object): string[] =>
    childRows("", schema as JsonSchema).map(([key]) => key.replaceAll(/`|\[\]|\.\*/g, ""));
  const keys = new Set(namesIn(configJsonSchema()));
  // An instruction has a section mediation, too; the chart's values have an agent and a NATS of their own.
  const fields = new Set(namesIn(eventJsonSchema()).map((name) => name.replace(/^data\.li\./, "")));
  const values = new Set(namesIn(JSON.parse(readFileSync(VALUES_SCHEMA, "utf8")) as object));
  const isKnown = (name: string): boolean =>
    [keys, fields, values].some((names) => names.has(name)) || name.includes(".resources.") || SECRETS.has(name);
  const sections = [...keys].filter((key) => !key.includes("."));
  const pattern = new RegExp(`\`((?:${sections.join("|")})(?:\\.[A-Za-z0-9]+)+)(?::[^\`]*)?\``, "g");
  assert.deepEqual(unknown(pattern, isKnown), []);
});

test("commands and their options", () => {
  const commands = flattened(commandTree(createProgram()));
  const byPath = new Map(commands.map((command) => [command.path.join(" "), command]));
  const line = /`?submirror ([a-z]+(?: [a-z]+)?)((?:[^`\n|]*? --[a-z][a-z-]*)*)/g;
  const wrong = pages.flatMap(({ file, text }) =>
    [...text.matchAll(line)].flatMap(([whole, words = "", options = ""]) => {
      const [first = "", second = ""] = words.trim().split(" ");
      const command = byPath.get(`${first} ${second}`) ?? byPath.get(first);
      // Prose goes on behind the name of the program: "submirror mirrors the traffic".
      if (command === undefined) return whole.startsWith("`") ? [`${file}: ${whole}`] : [];
      const known = new Set(command.options.map(({ long }) => long));
      return [...options.matchAll(/ (--[a-z][a-z-]*)/g)].flatMap(([, option]) =>
        known.has(option) ? [] : [`${file}: ${whole}`],
      );
    }),
  );
  assert.deepEqual(wrong, []);
});
