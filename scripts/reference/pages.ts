/** docs/README.md: every page of docs, by its own title and first words. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { GENERATED, page } from "./markdown.js";

const DOCS = "docs";
/** Folders whose pages are listed one by one; of others their README is. */
const SECTIONS = [
  { folder: "", heading: "Guides" },
  { folder: "reference", heading: "Reference" },
  { folder: "decisions", heading: "Decisions" },
] as const;

export function pagesIndex(): string {
  const parts = SECTIONS.flatMap(({ folder, heading }) => [`## ${heading}`, list(pagesIn(folder))]);
  return page(GENERATED, "# All pages", ...parts);
}

/** Paths from docs. */
function pagesIn(folder: string): string[] {
  const directory = join(DOCS, folder);
  const entries = readdirSync(directory, { withFileTypes: true });
  const own = entries.filter((entry) => entry.isFile() && entry.name.endsWith(".md") && entry.name !== "README.md");
  const indexes = entries.filter((entry) => entry.isDirectory() && hasIndex(join(directory, entry.name)));
  return [
    ...own.map(({ name }) => join(folder, name)),
    ...indexes.map(({ name }) => join(folder, name, "README.md")),
  ].toSorted();
}

function hasIndex(directory: string): boolean {
  return readdirSync(directory).includes("README.md");
}

function list(paths: readonly string[]): string {
  return paths.map((path) => `- [${titleOf(path)}](${path})`).join("\n");
}

function titleOf(path: string): string {
  const [, title] = /^# (.+)$/m.exec(readFileSync(join(DOCS, path), "utf8")) ?? [];
  return title ?? basename(path, ".md");
}
