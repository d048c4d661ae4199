/** The Dockerfile: it holds what build-root.sh makes, whose result the lab runs, and calls nothing that is not there. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

/** From dist/test/deploy. */
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** Stages, each with its instructions; continued lines are one. */
function stages(): Instruction[][] {
  const text = readFileSync(join(ROOT, "deploy/image/Dockerfile"), "utf8");
  const lines = text
    .replaceAll(/^#.*\n/gm, "")
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .filter((line) => line.trim() !== "");
  const found: Instruction[][] = [];
  for (const line of lines) {
    const [, name = "", rest = ""] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    assert.ok(name, `no instruction: ${line}`);
    if (name === "FROM") found.push([]);
    found.at(-1)?.push({ name, text: rest.replaceAll(/\s+/g, " ") });
  }
  return found;
}

test("what runs is the root that build-root.sh makes, alone, and not as root", () => {
  const [build = [], image = [], ...more] = stages();
  assert.equal(more.length, 0);
  assert.match(build.findLast(({ name }) => name === "RUN")?.text ?? "", /&& deploy\/image\/build-root\.sh \/image$/);
  assert.deepEqual(image[0], { name: "FROM", text: "scratch" });
  assert.deepEqual(
    image.filter(({ name }) => ["COPY", "ADD", "RUN"].includes(name)),
    [{ name: "COPY", text: "--from=build /image /" }],
  );
  const one = (name: string): string => image.find((instruction) => instruction.name === name)?.text ?? "";
  assert.equal(one("USER"), "65532:65532");
  assert.deepEqual(JSON.parse(one("ENTRYPOINT")), ["/usr/bin/submirror"]);
  const [, health = ""] = / CMD (.*)$/.exec(one("HEALTHCHECK")) ?? [];
  assert.deepEqual(JSON.parse(health), ["/usr/bin/node", "/usr/lib/submirror/healthcheck.mjs"]);
  assert.ok(existsSync(join(ROOT, "deploy/image/healthcheck.mjs")));
});

test("what it calls of the repository is there, and what it needs installed is what a new machine gets", () => {
  const text = stages()
    .flat()
    .filter(({ name }) => name === "RUN" || name === "COPY")
    .map((instruction) => instruction.text)
    .join(" ");
  for (const [path] of text.matchAll(/\b(?:deploy|scripts)\/[\w./-]+/g)) assert.ok(existsSync(join(ROOT, path)), path);
  for (const [, directory = ""] of text.matchAll(/make -C (\S+)/g))
    assert.ok(existsSync(join(ROOT, directory, "Makefile")), directory);
  for (const script of ["deploy/install.sh", "deploy/image/build-root.sh"])
    assert.ok((statSync(join(ROOT, script)).mode & 0o111) === 0o111, script);
  const ignored = readFileSync(join(ROOT, ".dockerignore"), "utf8").split("\n");
  for (const path of ["deploy", "scripts", "bpf", "native", "src", "share"]) assert.ok(!ignored.includes(path), path);
  const setup = readFileSync(join(ROOT, "scripts/setup.sh"), "utf8");
  const installed = new Set([...setup.matchAll(/^ +"([\w.+-]+) \//gm)].map(([, name]) => name));
  // Comes with libbpf-dev.
  installed.add("libbpf1");
  const packages = readFileSync(join(ROOT, "deploy/image/packages"), "utf8").split("\n").filter(Boolean);
  assert.deepEqual(
    packages.filter((name) => !installed.has(name)),
    [],
  );
});
