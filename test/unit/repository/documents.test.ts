/** What the repository tells people: links lead somewhere, nothing is pinned to a moving target, nobody real is named. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));

/** What was installed, built or written by runs. */
const NOT_OURS = new Set(["node_modules", "dist", "build", "lab-out", ".git"]);

/** Markdown files of the repository, or below one of its folders. */
function pages(folder = ""): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : pages(path);
    return entry.name.endsWith(".md") ? [path] : [];
  });
}

const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

test("every link between pages leads to a file", () => {
  const broken = pages().flatMap((file) =>
    [...read(file).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map(([, target = ""]) => target)
      .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(join(ROOT, dirname(file), target)))
      .map((target) => `${file}: ${target}`),
  );
  assert.deepEqual(broken, []);
});

test("every room of the sources is in the plan of the house", () => {
  const rooms = readdirSync(join(ROOT, "src")).map((name) => `src/${name}`);
  const named = [...read("docs/architecture.md").matchAll(/^\| `(src\/\w+)`/gm)].map(([, room]) => room);
  assert.deepEqual(named.toSorted(), rooms.toSorted());
});

test("every page can be reached from the README", () => {
  const reached = new Set<string>();
  const follow = (file: string): void => {
    if (reached.has(file) || !file.endsWith(".md") || !existsSync(join(ROOT, file))) return;
    reached.add(file);
    for (const [, target = ""] of read(file).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g))
      if (!/^[a-z]+:/.test(target)) follow(join(dirname(file), target));
  };
  follow("README.md");
  const lost = pages("docs").filter((file) => !reached.has(file));
  assert.deepEqual(lost, []);
});

test("addresses in the documents are documentation's, private or local ones", () => {
  const allowed =
    /^(?:192\.0\.2|198\.51\.100|203\.0\.113|127|10|0\.0\.0\.0|169\.254|255\.255|192\.168|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))/;
  for (const file of ["README.md", "CONTRIBUTING.md", "SECURITY.md", ...pages("docs")]) {
    const addresses = read(file).match(/\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b/g) ?? [];
    for (const address of addresses) assert.match(address, allowed, file);
  }
});

test("the workflow runs what every machine runs, with actions pinned by their commit", () => {
  const workflow = parse(read(".github/workflows/ci.yml")) as {
    jobs: Record<string, { steps: { uses?: string; run?: string }[]; strategy: { matrix: { node: number[] } } }>;
  };
  const steps = Object.values(workflow.jobs).flatMap(({ steps: all }) => all);
  for (const { uses } of steps) if (uses !== undefined) assert.match(uses, /@[0-9a-f]{40}$/);
  assert.ok(steps.some(({ run }) => run === ".ci/run"));
  assert.deepEqual(workflow.jobs["run"]?.strategy.matrix.node, [20, 22, 24]);
});
