/** The threat model keeps what it says: every threat names tests, and every named test exists. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

/** From dist/test/unit/security. */
const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const NAMED = /^- `(test\/[\w/.-]+\.test\.ts)`: "(.+)"$/gm;
const TITLE = /\b(?:it|test)\(\s*(["'`])((?:\\.|(?!\1).)*)\1/gs;

/** What stands in a source as the title of a test; where it is put together, a pattern of it. */
function titlesIn(file: string): string[] {
  const path = join(ROOT, file);
  assert.ok(existsSync(path), `${file} is not there`);
  return [...readFileSync(path, "utf8").matchAll(TITLE)].map(([, , title = ""]) => title);
}

/** Where a title is put together (`${...}`), its fixed parts stand in the name in their order. */
function fits(title: string, named: string): boolean {
  const parts = title.split(/\$\{[^}]*\}/);
  if (parts.length === 1) return title === named;
  if (parts.join("").length < 20) return false;
  let at = 0;
  for (const part of parts) {
    const found = named.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return true;
}

const model = readFileSync(join(ROOT, "docs/threat-model.md"), "utf8");
const threats = model.split(/^### /m).slice(1);

test("every threat says what stands against it, which tests show it, and what remains", () => {
  assert.ok(threats.length >= 15, `${threats.length} threats`);
  for (const threat of threats) {
    const name = threat.split("\n")[0] ?? "";
    for (const part of ["What stands against it:", "Shown by:", "Remains:"])
      assert.ok(threat.includes(part), `${name}: ${part}`);
    assert.ok([...threat.matchAll(NAMED)].length > 0, `${name}: no test is named`);
    const lines = threat.split("\n").filter((line) => line.startsWith("- "));
    assert.equal(lines.length, [...threat.matchAll(NAMED)].length, `${name}: a line names no test`);
  }
});

test("every test that is named exists", () => {
  const missing = [...model.matchAll(NAMED)]
    .filter(([, file = "", named = ""]) => !titlesIn(file).some((title) => fits(title, named)))
    .map(([line]) => line);
  assert.deepEqual(missing, []);
});
